"""State outlives releases: what an earlier one wrote is read, a later one's is refused aloud, kinds are text.

``format-1`` holds what the code at commit ab8e554 wrote while it played stories in the world of ``tests/soak``: of all
its objects the few that show every field and every kind of episode together. ``format-2`` holds records of the code at
commit 8951b42, made in the same way, and ``format-3`` of that at 2c82b3b, from the tests of targets elsewhere.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

import rotation_watcher
from rotation_watcher.alerts import chat, slack_blocks
from rotation_watcher.alerts.conditions import Condition, Lasting, Observed, evaluate, unjudged
from rotation_watcher.alerts.model import Kind, Status
from rotation_watcher.alerts.sns_message import message as sns_message
from rotation_watcher.bundles import pins
from rotation_watcher.errors import UNDECODABLE, NewerFormat
from rotation_watcher.sources import history, keys_of_conditions
from rotation_watcher.sources.history import History
from rotation_watcher.targets import record
from rotation_watcher.targets.record import Record
from tests.state.schemas import STATES, path_of, schema
from tests.support.alert_examples import EXAMPLES

HERE = Path(__file__).parent
PACKAGE = Path(rotation_watcher.__file__).parent
HISTORIES = sorted(HERE.glob("format-1/history-*.json"))
RECORDS = sorted(HERE.glob("format-1/record-*.json"))
FORMER_RECORDS = [*sorted(HERE.glob("format-2/record-*.json")), *sorted(HERE.glob("format-3/record-*.json"))]
PINS = sorted(HERE.glob("format-1/pins-*.json"))
DECODERS: dict[str, tuple[Callable[[bytes], object], Path]] = {
    "history": (history.decode, HISTORIES[0]),
    "record": (record.decode, RECORDS[0]),
    "pins": (pins.decode, PINS[0]),
}


def name_of(path: Path) -> str:
    return path.stem


def plain(path: Path) -> Any:
    return json.loads(path.read_bytes())


def as_json(state: object) -> Any:
    return json.loads(msgspec.json.encode(state))


def moment(text: str) -> datetime:
    return msgspec.convert(text, datetime)


def debounced(old: dict[str, Any]) -> history.Debounced:
    confirmed, pending = (tuple(old[name]) if name in old else None for name in ("confirmed", "pending"))
    return history.Debounced(confirmed, pending, old.get("looks", 0))


@pytest.mark.parametrize("name", STATES)
def test_a_changed_schema_has_a_new_number(name: str) -> None:
    state, number = STATES[name]
    assert schema(state) == path_of(name).read_text(), (
        f"a {name} of format {number} is something else now: raise FORMAT, migrate what format {number} wrote, keep"
        f" real objects of it as tests/state/format-{number}, then run python -m tests.state.schemas (decision 0019)"
    )


def test_whatever_has_a_format_is_held_to_its_schema() -> None:
    """But what others than the watcher read: docs/files.md and docs/status.md say when its number is raised."""
    numbered = {
        path.relative_to(PACKAGE.parent).with_suffix("").as_posix().replace("/", ".")
        for path in PACKAGE.rglob("*.py")
        if re.search(r"^FORMAT = ", path.read_text(), re.MULTILINE)
    }
    of_others = {"rotation_watcher.file_sets", "rotation_watcher.status.model"}
    doors = {"rotation_watcher.identity.policy"}  # it reads what identity.publishing writes
    assert numbered - of_others - doors == {state.__module__ for state, _ in STATES.values()}


@pytest.mark.parametrize("path", HISTORIES, ids=name_of)
def test_a_history_of_format_1_keeps_all_that_is_known(path: Path) -> None:
    old, new = plain(path), history.decode(path.read_bytes())
    assert (new.source, new.region, [alert.id for alert in new.outbox]) == (
        old["source"],
        old["region"],
        [alert["id"] for alert in old.get("outbox", ())],
    )
    assert new.fresh_at == moment(old["fresh_at"])
    assert new.authorities.keys() == old["authorities"].keys()
    for name, authority in new.authorities.items():
        before = old["authorities"][name]
        kept = as_json(authority)
        for leaf in before.get("leaves", {}).values():
            if "chain-untrusted" in {finding["code"] for finding in leaf.get("lifted", ())}:
                leaf["approved_root"] = leaf["chain"][-1]
        assert kept.get("leaves", {}) == before.get("leaves", {})
        assert authority.names == ((before["name"],) if "name" in before else ())
        assert {*authority.replaced} == {
            key
            for key, leaf in before.get("leaves", {}).items()
            if leaf["status"] == "retiring" and "rotated" in leaf.get("announced", ())
        }
        assert authority.current == debounced(before.get("current", {}))
        assert authority.upcoming == debounced(before.get("upcoming", {}))
        assert authority.quarantine.keys() == before.get("quarantine", {}).keys()
        for key, one in before.get("quarantine", {}).items():
            expected = {field: value for field, value in one.items() if field not in {"looks", "told"}}
            assert as_json(authority.quarantine[key]) == expected


def test_the_histories_of_format_1_show_the_root_of_an_approved_chain() -> None:
    """The root that was honoured then is all that an approval of the former form covers."""
    leaves = [
        leaf
        for path in HISTORIES
        for authority in history.decode(path.read_bytes()).authorities.values()
        for leaf in authority.leaves.values()
    ]
    vouched = [leaf for leaf in leaves if leaf.approved_root]
    assert {leaf.approved_root for leaf in vouched} == {leaf.chain[-1] for leaf in vouched}
    assert len(vouched) == sum(bool(leaf.lifted) for leaf in leaves) == 2


@pytest.mark.parametrize("path", HISTORIES, ids=name_of)
def test_the_conditions_of_a_history_of_format_1_stay_open_since_when_and_alerted_or_not(path: Path) -> None:
    old, new = plain(path), history.decode(path.read_bytes())
    expected = {
        key: (one["since"], one.get("told", False), one.get("reason"), one.get("looks", 1))
        for key, one in old.get("episodes", {}).items()
    }
    for name, authority in old["authorities"].items():
        for entity, one in authority.get("quarantine", {}).items():
            key = keys_of_conditions.quarantined(name, entity, [reason["code"] for reason in one["reasons"]])
            expected[key] = (one["first_seen"], one.get("told", False), None, one.get("looks", 1))
    assert {
        key: (one.since, one.alerted is not None, one.reason, one.observations) for key, one in new.conditions.items()
    } == {key: (moment(since), *rest) for key, (since, *rest) in expected.items()}
    told_again(new.conditions)


@pytest.mark.parametrize("path", RECORDS, ids=name_of)
def test_a_record_of_format_1_keeps_all_that_is_known(path: Path) -> None:
    old, new = plain(path), record.decode(path.read_bytes())
    kept = as_json(new)
    for gone in ("episodes", "shared_told"):
        old.pop(gone, None)
    if "blamed" in old.get("pending", {}):
        old["pending"]["rolled_back_from"] = old["pending"].pop("blamed")
    assert {field: value for field, value in kept.items() if field not in {"format", "conditions"}} == old


@pytest.mark.parametrize("path", RECORDS, ids=name_of)
def test_the_conditions_of_a_record_of_format_1_stay_open_since_when_and_alerted_or_not(path: Path) -> None:
    old, new = plain(path), record.decode(path.read_bytes())
    episodes = old.get("episodes", {})
    open_ones = {key: since for key, since in episodes.items() if not key.endswith(":told")}
    found = {key: one for key, one in new.conditions.items() if not key.startswith("shared-authority:")}
    assert {key: one.since for key, one in found.items()} == {key: moment(since) for key, since in open_ones.items()}
    waiting = {key for key in open_ones if key.startswith("un") and f"{key}:told" not in episodes}
    waiting -= {"unchangeable:unproven", "unchangeable:still-updating"}
    assert {key for key, one in found.items() if one.alerted is None} == waiting
    assert {key.removeprefix("shared-authority:") for key in new.conditions.keys() - found.keys()} == {
        *old.get("shared_told", ())
    }
    told_again(new.conditions)


def told_again(conditions: Mapping[str, Condition]) -> None:
    """A run that finds everything again tells all once: what was not alerted is opened, the rest is a reminder."""

    def seen(key: str, one: Condition) -> Observed:
        return Observed(key, one.kind, lambda _: EXAMPLES["expired"], Lasting(1))

    assert {one.kind for one in conditions.values()} <= {kind.value for kind in Kind}
    now = datetime.fromisoformat("2030-01-01T00:00:00+00:00")
    found = evaluate(conditions, [seen(key, one) for key, one in conditions.items()], now, resolves=unjudged)
    opened = [one for one in found.alerts if one.status is Status.OPEN]
    assert len(opened) == len([one for one in conditions.values() if one.alerted is None])
    assert len(found.alerts) == len(conditions)


def test_the_objects_of_format_1_show_every_feature_that_it_had() -> None:
    text = "".join(path.read_text() for path in (*HISTORIES, *RECORDS))
    missing = [
        feature
        for feature in (
            *('"told": true', '"gone_since"', '"lifted"', '"name"', '"status": "upcoming"', '"status": "retiring"'),
            *('"announced"', '"expired"', '"source": {', "absent:", "anchor:", "disagree:", '"looks"', '"outbox"'),
            *(
                '"claim"',
                '"pending": {',
                '"blamed"',
                '"hold"',
                "rejected",
                "by-hand",
                '"reason": "rolled-back"',
                '"released"',
            ),
            *('"not_before"', '"versions"', '"endpoints"', '"shared_told"', '"drift:', '"mtls-off:', '"removal-held:'),
            *(
                '"quota-near"',
                '"leaving:',
                '"planned:',
                '"stuck:',
                '"unreadable:',
                '"unchangeable:',
                ':told"',
                "still-updating",
                "unproven",
            ),
        )
        if feature not in text
    ]
    assert missing == []


@pytest.mark.parametrize("path", PINS, ids=name_of)
def test_pins_are_read_as_they_were_written(path: Path) -> None:
    assert json.loads(msgspec.json.encode(pins.decode(path.read_bytes()))) == plain(path)


@pytest.mark.parametrize("path", FORMER_RECORDS, ids=name_of)
def test_a_record_of_a_former_format_keeps_all_that_is_known(path: Path) -> None:
    kept = as_json(record.decode(path.read_bytes()))
    assert kept == plain(path) | {"format": str(record.FORMAT)}


@pytest.mark.parametrize(
    ("number", "elsewhere"),
    [("format-2", {"endpoints", "not_before"}), ("format-3", {"approved"})],
)
def test_the_records_of_a_format_show_every_feature_that_it_had(number: str, elsewhere: set[str]) -> None:
    shown = {field for path in FORMER_RECORDS if path.parent.name == number for field in plain(path)}
    former = json.loads((HERE / number / "record.schema.json").read_text())
    known = {*former["$defs"]["Record"]["properties"]}
    assert known - shown == elsewhere, "which records of an earlier format show"


@pytest.mark.parametrize(
    "path", [*HISTORIES, *RECORDS, *FORMER_RECORDS], ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_what_was_migrated_is_written_and_read_in_the_new_format(path: Path) -> None:
    states: Any = history if path in HISTORIES else record
    migrated = states.decode(path.read_bytes())
    written = states.encode(migrated)
    assert json.loads(written)["format"] == str(states.FORMAT)
    assert states.decode(written) == migrated


@pytest.mark.parametrize("number", [5, "5", 17, "99999"])
@pytest.mark.parametrize("name", DECODERS)
def test_a_newer_format_is_refused_with_the_way_out(name: str, number: object) -> None:
    decode, path = DECODERS[name]
    with pytest.raises(NewerFormat, match="deploy that release again"):
        decode(json.dumps({**plain(path), "format": number}).encode())


@pytest.mark.parametrize("number", [0, -1, "", "two", None, [2], "9" * 5000, 2**80])
@pytest.mark.parametrize("name", DECODERS)
def test_a_format_that_is_none_is_an_error_that_is_caught(name: str, number: object) -> None:
    decode, path = DECODERS[name]
    with pytest.raises((*UNDECODABLE, NewerFormat)):
        decode(json.dumps({**plain(path), "format": number}).encode())


@pytest.mark.parametrize(
    "state",
    [
        History(source="use1", region="us-east-1", outbox=(EXAMPLES["expired"],)),
        Record(target="alb", arn="arn", outbox=(EXAMPLES["drift_found"],)),
    ],
    ids=["history", "record"],
)
def test_kinds_that_a_newer_release_added_are_kept_and_delivered(state: History | Record) -> None:
    codec: Any = history if isinstance(state, History) else record
    condition = Condition(kind="crl-stale", since=EXAMPLES["expired"].at, alerted=EXAMPLES["expired"].at)
    known = msgspec.structs.replace(state, conditions={"crl:one": condition})
    body = re.sub(rb'"kind": "(expired|drift-found)"', b'"kind": "crl-stale"', codec.encode(known))
    read = codec.decode(body)
    assert codec.encode(read) == body
    alert = read.outbox[0]
    assert (alert.kind, alert.kind.value) == ("crl-stale", "crl-stale")
    assert "crl-stale" in sns_message(alert)
    assert "crl-stale" in json.dumps(slack_blocks.render(chat.of_alert(alert)))
