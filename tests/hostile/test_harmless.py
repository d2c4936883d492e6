"""Words of a stranger in a certificate arrive harmless in mail, chats, log and terminal; judged on what people get."""

import json
import re
from datetime import timedelta

import msgspec
import pytest
from aws_lambda_powertools import Logger
from cryptography.x509 import DNSName

from genesys_certs import check, output
from genesys_certs.exits import Exit
from genesys_certs.observing import Observed, Row
from local.environment import Environment
from local.genesys.issuing import issue, subject
from local.genesys.keys import DEFAULT_CACHE
from rotation_watcher.alerts import amazon_q as amazon_q_renderer
from rotation_watcher.alerts import mail, slack_blocks, teams_card
from rotation_watcher.slack import message_of
from tests.support import amazon_q, teams_cards
from tests.support.pki import NOW
from tests.support.words import word

EVIL = {
    "newline": "Genesys\r\nSubject: all is well\nSeverity: info",
    "mrkdwn": "<!channel> *bold* `code` <https://evil.example|click here>",
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "terminal": "\x1b[2J\x1b]0;owned\x07\x9b31m\u202egnp.exe",
}
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@pytest.fixture(scope="module")
def heard() -> tuple[list[bytes], object]:
    """The alerts that a strange leaf for each of the words causes, and collect's summary as it is logged."""
    with Environment(NOW, DEFAULT_CACHE, world={"root_key_bits": 2048}, aws={"direct": True}) as environment:
        region = environment.world.region("us-east-1")
        signer = region.issuer("Genesys").signer
        for kind, words in EVIL.items():
            key = environment.world.keys.rsa(f"stranger/{kind}")
            name = subject(f"{words[:40]}", organization=words[:60])
            start, end = NOW - timedelta(days=1), NOW + timedelta(days=90)
            leaf = issue(signer, name, key, start, end, san=[DNSName("stranger.example")])
            region.extra_entities.append(region.entity(leaf, "Genesys", "Upcoming"))
        region.extra_entities.append(
            {"signingAuthority": EVIL["mrkdwn"] + EVIL["terminal"], "certificate": EVIL["html"], "status": "Current"}
        )
        environment.add_source("use1", "us-east-1")
        environment.add_bundle("main", ["use1"])
        environment.add_trust_store("alb", "main", region.root_pem())
        environment.configure()
        summaries = []
        for _ in range(3):
            summaries.append(msgspec.to_builtins(environment.collect()))
            environment.clock.advance(timedelta(minutes=15))
        environment.new_alerts()
        return [msgspec.json.encode(alert) for alert in environment.alerts if word(alert) == "quarantined"], summaries


def test_each_stranger_is_reported(heard: tuple[list[bytes], object]) -> None:
    assert len(heard[0]) >= len(EVIL)


def test_no_mail_holds_a_control_sign_or_a_line_of_the_strangers(heard: tuple[list[bytes], object]) -> None:
    from rotation_watcher.alerts.model import Alert  # noqa: PLC0415 - only here

    for body in heard[0]:
        alert = msgspec.json.decode(body, type=Alert)
        text, head = mail.text(alert), mail.subject(alert)
        assert not _CONTROL.search(text), ascii(text)
        assert not re.search(r"[\x00-\x1f\x7f-\x9f]", head)
        assert not re.search(r"(?m)^(Subject: all is well|Severity: info)", text)


def test_no_card_for_teams_links_or_mentions_for_the_strangers(heard: tuple[list[bytes], object]) -> None:
    for body in heard[0]:
        card = teams_cards.judged(teams_card.render(message_of(body.decode())))
        assert "entities" not in card["msteams"]
        kinds = {element["type"] for element in teams_cards.elements(card)}
        assert kinds <= {"AdaptiveCard", "RichTextBlock", "TextRun", "Container", "Action.OpenUrl"}, "no Markdown"
        text = "\n".join(teams_cards.texts(card))
        assert "](" not in text
        assert not _CONTROL.search(text.replace("\n", ""))


def test_no_notification_for_amazon_q_mentions_links_or_formats_for_the_strangers(
    heard: tuple[list[bytes], object],
) -> None:
    for body in heard[0]:
        notification = amazon_q_renderer.render(message_of(body.decode()))
        amazon_q.judged(notification)
        for text in amazon_q.marked_up(notification):
            assert not re.search("[<@]", text), text
            outside = re.sub(r"```.*?```|`[^`]*`", "", text)
            assert not re.search(r"\*bold\*|\]\(|://evil", outside), outside
            assert not _CONTROL.search(text.replace("\n", ""))


def test_no_slack_message_mentions_links_or_formats_for_the_strangers(heard: tuple[list[bytes], object]) -> None:
    for body in heard[0]:
        payload = json.dumps(slack_blocks.render(message_of(body.decode())), ensure_ascii=False)
        assert "<!channel>" not in payload
        assert "<https://evil" not in payload
        assert "<script" not in payload
        assert not _CONTROL.search(payload.replace("\n", ""))


def test_a_log_line_of_the_summary_is_one_line_without_control_signs(
    heard: tuple[list[bytes], object], capsys: pytest.CaptureFixture[str]
) -> None:
    Logger(service="harmless").info("collected", extra={"summary": heard[1], "alerts": [b.decode() for b in heard[0]]})
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    assert not _CONTROL.search(printed.rstrip("\n")), ascii(printed)
    assert json.loads(printed)["message"] == "collected"


@pytest.mark.parametrize("kind", EVIL)
@pytest.mark.parametrize("terminal", [True, False])
def test_no_terminal_sees_a_control_sign_of_the_strangers(
    kind: str, *, terminal: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.support.pki import leaf, root  # noqa: PLC0415 - only here

    made = leaf(root(EVIL[kind][:60]), common=EVIL[kind][:60], names=None).read
    row = Row(
        source="use1", region="us-east-1", authority=EVIL[kind], status="current", verdict="quarantined",
        days_left=3, certificate=made.facts, reasons=(EVIL[kind],), remarks=(EVIL[kind],),
    )  # fmt: skip
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal, raising=False)
    monkeypatch.setattr(output, "terminal", lambda: terminal)  # the table and all, on a terminal that adds nothing
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    check.show(Observed((row,), {}, Exit.CRITICAL, ()), as_json=False)
    printed = capsys.readouterr().out
    assert "use1" in printed
    assert not _CONTROL.search(printed), ascii(printed)
    assert not re.search(r"(?m)^Severity: info", printed)
