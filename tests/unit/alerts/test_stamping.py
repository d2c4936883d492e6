"""Each alert says which stack sends it, where to read on, and is known by an id of that stack."""

import msgspec
import pytest

from rotation_watcher.alerts import chat, mail, slack_blocks
from rotation_watcher.alerts.model import Alert, Origin
from rotation_watcher.alerts.stamping import Stack, Stamping, links, stamped
from tests.support.alert_examples import BUCKET, DELIVERED, EXAMPLES, STACK

every_alert = pytest.mark.parametrize("alert", DELIVERED.values(), ids=DELIVERED)


class Taken:
    """A sink that keeps what it gets."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []

    def deliver(self, alert: Alert) -> None:
        self.alerts.append(alert)


def named(**origin: str) -> Stack:
    return msgspec.structs.replace(STACK, origin=Origin(**{"stack": "s", "region": "eu-west-1", **origin}))


def test_the_sink_behind_gets_what_is_stamped_and_the_outbox_keeps_what_is_not() -> None:
    sink, alert = Taken(), EXAMPLES["expired"]
    Stamping(sink, STACK).deliver(alert)
    assert sink.alerts == [DELIVERED["expired"]]
    assert (alert.origin, alert.links) == (None, {})
    assert b"origin" not in msgspec.json.encode(alert)


def test_the_id_opens_with_the_stack_so_that_no_two_stacks_share_one() -> None:
    alert = EXAMPLES["expired"]
    assert stamped(alert, STACK).id == f"genesys-watcher/111122223333/us-east-1/{alert.id}"
    stacks = [named(), named(account="111122223333"), named(account="444455556666"), named(region="eu-west-2")]
    assert len({stamped(alert, one).id for one in stacks}) == len(stacks)


def test_an_origin_that_somebody_wrote_into_the_state_is_replaced() -> None:
    forged = msgspec.structs.replace(EXAMPLES["expired"], origin=Origin(stack="x", region="y"), links={"a": "b"})
    assert stamped(forged, STACK) == DELIVERED["expired"]


def what(alert: Alert) -> str:
    """What a title says, without what it is about."""
    return alert.title.removeprefix("Still: ").removeprefix("Over: ").partition(": ")[2]


@every_alert
def test_a_subject_says_the_environment_and_stays_under_100_characters_of_ascii(alert: Alert) -> None:
    subject = mail.subject(alert)
    assert subject.startswith(f"[{alert.severity.upper()}][prod] ")
    assert len(subject) < 100
    assert subject.isascii()
    assert subject.endswith(what(alert)), "what it says is whole; what it is about may be cut"


@pytest.mark.parametrize(
    ("origin", "opening"),
    [
        ({"environment": "prod", "account": "111122223333"}, "[prod]"),
        ({"account": "111122223333"}, "[111122223333]"),
        ({}, "[s]"),
    ],
)
def test_without_an_environment_the_account_stands_in_the_subject_else_the_stack(
    origin: dict[str, str], opening: str
) -> None:
    assert mail.subject(stamped(EXAMPLES["expired"], named(**origin))).startswith(f"[CRITICAL]{opening} us-east-1: ")


def test_the_longest_environment_leaves_room_for_the_words() -> None:
    stack = named(environment="x" * 20)
    for alert in EXAMPLES.values():
        subject = mail.subject(stamped(alert, stack))
        assert len(subject) < 100
        words = what(alert)
        assert subject.endswith((words, "...")), subject
        opening = f"[{alert.severity.upper()}][{'x' * 20}] "
        without_kind = f"{opening}{alert.title.partition(': ')[0].rpartition(' ')[2]}: {words}"
        assert subject == without_kind or len(subject) >= min(90, len(f"{opening}{alert.title}"))


@every_alert
def test_a_mail_says_where_it_comes_from_and_where_to_read_on(alert: Alert) -> None:
    text = mail.text(alert)
    assert (
        "WHERE\n  environment: prod\n  stack:       genesys-watcher\n  account:     111122223333\n"
        "  AWS region:  us-east-1\n"
    ) in text
    for place in alert.links.values():
        assert f"\n      {place}\n" in text
    assert "\ue000" not in text


@every_alert
def test_slack_shows_the_same(alert: Alert) -> None:
    message = chat.of_alert(alert)
    assert " [prod]: " in message.summary
    payload = slack_blocks.render(message)
    shown = msgspec.json.encode(payload).decode()
    assert all(f"`{words}`" in shown for words in ("prod/genesys-watcher", "111122223333", "us-east-1"))
    urls = [place for place in alert.links.values() if place.startswith("https://")]
    found = [one["url"] for block in payload["blocks"] if block["type"] == "actions" for one in block["elements"]]
    assert found == urls


def test_the_runbook_is_linked_by_kind_and_named_where_it_has_no_address() -> None:
    assert DELIVERED["mtls_off"].links["runbook"] == "https://wiki.example.com/genesys/runbook.html#mtls-off"
    assert (
        links(EXAMPLES["mtls_off"], msgspec.structs.replace(STACK, runbook=""))["runbook"] == "docs/runbook.md#mtls-off"
    )


@pytest.mark.parametrize(
    ("partition", "region", "host"),
    [
        ("aws", "us-east-1", "us-east-1.console.aws.amazon.com"),
        ("aws-cn", "cn-north-1", "cn-north-1.console.amazonaws.cn"),
        ("aws-us-gov", "us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
        ("aws-eusc", "eusc-de-east-1", "eusc-de-east-1.console.amazonaws-eusc.eu"),
    ],
)
def test_the_console_is_that_of_the_partition(partition: str, region: str, host: str) -> None:
    found = links(EXAMPLES["expired"], msgspec.structs.replace(named(region=region), partition=partition))
    assert found["log"] == (
        f"https://{host}/cloudwatch/home?region={region}#logsV2:log-groups/log-group/"
        "$252Fgenesys-certificate-watcher$252Fgenesys-watcher$252Fcollect"
    )
    assert found["state"] == f"https://{host}/s3/object/{BUCKET}?region={region}&prefix=sources%2Fuse1%2Fhistory.json"
    assert found["stack"] == f"https://{host}/cloudformation/home?region={region}#/stacks?filteringText=s"


def test_a_partition_whose_console_is_not_known_gets_no_link_to_it() -> None:
    found = links(EXAMPLES["expired"], msgspec.structs.replace(STACK, partition="aws-iso"))
    assert list(found) == ["runbook", "status page"]
