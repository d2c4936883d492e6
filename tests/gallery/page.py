"""The page docs/alerts.md and its pictures: every example of an alert in every form in which it is delivered.

The forms are made by the code that delivers them: the mail and the event are what the adapters hand to AWS, the chats
are shown from the payloads that are posted.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import msgspec

from local.pictures import draw_slack, draw_teams
from rotation_watcher.adapters.event_bus import EventBus
from rotation_watcher.alerts import mail, slack_blocks, sns_message, teams_card
from rotation_watcher.alerts.model import Alert, Kind, Status
from rotation_watcher.slack import message_of
from tests.gallery.situations import SHOWN

DOCS = Path(__file__).resolve().parents[2] / "docs"
PICTURES = "pictures/alerts"
COMMAND = ".venv/bin/python -m tests.gallery"
_LIVES = {Status.REMINDER: "Reminders", Status.RESOLVED: "Ends"}
_WORDS = {
    Status.REMINDER: (
        "A condition that lasts is reported again, with its present facts: a critical one daily, a warning weekly. The"
        " reminder has the id of the message that opened it."
    ),
    Status.RESOLVED: (
        "The condition is over: nothing needs to be done. The message has the id of the one that opened it."
    ),
}


class Example(NamedTuple):
    """One alert in every form. ``event`` is JSON, or empty where it is not shown."""

    title: str
    severity: str
    subject: str
    mail: str
    alt: str
    slack: str
    teams: str
    event: str


class Part(NamedTuple):
    """A heading of the page, and the examples below it."""

    title: str
    anchor: str
    words: str
    severities: tuple[str, ...]
    examples: tuple[Example, ...]


def files(alerts: Mapping[str, Alert] = SHOWN) -> dict[str, str]:
    """Everything that is generated, by its path below docs/."""
    pictures = {path: text for name, alert in alerts.items() for path, text in _pictures(name, alert).items()}
    text = _template().render(parts=[*_parts(alerts)], command=COMMAND, pictures=PICTURES)
    return {"alerts.md": text, **pictures}


def _parts(alerts: Mapping[str, Alert]) -> Iterator[Part]:
    """The kinds, the most urgent first; then reminders and ends."""
    groups: dict[str, list[tuple[str, Alert]]] = {}
    for name, alert in alerts.items():
        groups.setdefault(_LIVES.get(alert.status, alert.kind), []).append((name, alert))
    order = {group: place for place, group in enumerate([*Kind, *_LIVES.values()])}

    def rank(group: str) -> tuple[bool, int, int]:
        return group in _LIVES.values(), min(one.severity.order for _, one in groups[group]), order[group]

    for group in sorted(groups, key=rank):
        yield _part(group, sorted(groups[group], key=lambda one: one[1].severity.order))


def _part(title: str, alerts: Sequence[tuple[str, Alert]]) -> Part:
    first = alerts[0][1]
    words = _WORDS.get(first.status, f"[Runbook](runbook.md#{title})")
    severities = dict.fromkeys(alert.severity.value for _, alert in alerts)
    examples = tuple(_example(name, alert, with_event=alert is first) for name, alert in alerts)
    return Part(title, title.lower(), words, tuple(severities), examples)


def _example(name: str, alert: Alert, *, with_event: bool) -> Example:
    slack, teams = _paths(name)
    return Example(
        title=name.replace("_", " "),
        severity=alert.severity.value,
        subject=mail.subject(alert),
        mail=json.loads(sns_message.message(alert))["email"],
        alt=alert.title.replace("[", "(").replace("]", ")"),
        slack=slack,
        teams=teams,
        event=event(alert) if with_event else "",
    )


def _pictures(name: str, alert: Alert) -> dict[str, str]:
    """Both pictures of an example, by path."""
    message = message_of(msgspec.json.encode(alert).decode())  # as the chat's function reads it from its queue
    drawn = (draw_slack(slack_blocks.render(message)), draw_teams(teams_card.render(message)))
    return dict(zip(_paths(name), drawn, strict=True))


def _paths(name: str) -> tuple[str, str]:
    stem = name.replace("_", "-")
    return f"{PICTURES}/{stem}.slack.svg", f"{PICTURES}/{stem}.teams.svg"


class _Bus:
    """An EventBridge client that keeps what it is given."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - boto3's name
        self.entries += Entries
        return {"FailedEntryCount": 0, "Entries": [{}]}


def event(alert: Alert) -> str:
    """The event as a rule of the bus sees it: what is put, and what EventBridge adds (its user guide, "Events")."""
    bus = _Bus()
    EventBus(bus, "alerts").deliver(alert)
    (entry,) = bus.entries
    if alert.origin is None:
        raise ValueError("an alert gets its origin before it is delivered")
    seen = {
        "version": "0",
        "id": "00000000-0000-0000-0000-000000000000",
        "detail-type": entry["DetailType"],
        "source": entry["Source"],
        "account": alert.origin.account,
        "time": f"{entry['Time']:%Y-%m-%dT%H:%M:%SZ}",
        "region": alert.origin.region,
        "resources": [],
        "detail": json.loads(entry["Detail"]),
    }
    return json.dumps(seen, indent=2, ensure_ascii=False)


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=False,  # noqa: S701 - the page is Markdown, and all in it is ours
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("page.md")
