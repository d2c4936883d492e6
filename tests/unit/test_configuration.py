"""A configuration that is refused: one alert with every mistake, the last good one in use, one when corrected."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from rotation_watcher import config, configuration, keys
from rotation_watcher.alerts.builders.wording import plain
from rotation_watcher.alerts.model import Alert, Kind
from rotation_watcher.config import Watch
from rotation_watcher.errors import ConfigurationError, StoreError
from tests.support.fakes import InMemoryStore, ManualClock
from tests.support.small_world import Sink
from tests.support.words import word

GOOD: dict[str, Any] = {
    "mode": "apply",
    "sources": [
        {
            "id": "use1",
            "region": "us-east-1",
            "credentials": "arn:aws:ssm:us-east-1:123456789012:parameter/genesys",
            "authorities": ["Genesys"],
        }
    ],
    "bundles": [{"id": "main", "sources": ["use1"], "authorities": ["Genesys"], "extra": ["extra/ours.pem"]}],
    "targets": [{"id": "api", "arn": "arn:aws:apigateway:us-east-1::/domainnames/api.example.com", "bundle": "main"}],
    "policy": {"confirmations": 3, "max_removed_share": 0.25},
}
WRONG = GOOD | {"mode": "aply", "targets": [{"id": "API", "arn": "arn:nothing", "bundle": "mian"}]}


def parse(document: object) -> Watch:
    return config.from_document(document, stack_region="us-east-1", stack_account="123456789012")


class Desk:
    """A bucket, a watch file, and both functions that read it."""

    def __init__(self, document: Any = GOOD) -> None:
        self.document: Any = document
        self.store, self.sink, self.clock = InMemoryStore(), Sink(), ManualClock()

    def read(self) -> Watch:
        return parse(self.document)

    def collect(self, *, dry_run: bool = False) -> configuration.Configured:
        """What collect works with; a quarter of an hour later."""
        self.clock.advance(timedelta(minutes=15))
        return configuration.keep(self.read, parse, self.store, self.sink, self.clock, dry_run=dry_run)

    def publish(self, *, dry_run: bool = False) -> configuration.Configured:
        return configuration.in_use(self.read, parse, self.store, dry_run=dry_run)

    def both(self) -> "Desk":
        """Each function has run."""
        self.collect()
        self.publish()
        return self

    def news(self) -> list[Alert]:
        told, self.sink.delivered = self.sink.delivered, []
        return [alert for alert in told if alert.kind is not Kind.TEST]


def mistakes(document: object) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as refused:
        parse(document)
    return refused.value.mistakes


def test_a_good_configuration_is_used_and_kept_once() -> None:
    desk = Desk()
    assert [desk.collect().watch for _ in range(3)] == [parse(GOOD)] * 3
    assert [desk.publish() for _ in range(3)] == [configuration.Configured(parse(GOOD))] * 3
    assert [key for key in desk.store.writes if not key.startswith("alerts/")] == [
        *[keys.CONFIGURATION] * 2,  # the second takes the test alert out
        keys.ACCEPTED,
    ]
    assert desk.news() == []


def test_the_first_run_of_a_stack_sends_a_test_alert_and_so_does_who_asks_for_one() -> None:
    desk = Desk()
    for _ in range(3):
        desk.collect()
    assert [alert.id for alert in desk.sink.delivered] == ["test:stack:deployed"]
    for _ in range(2):
        desk.clock.advance(timedelta(minutes=1))
        configuration.keep(desk.read, parse, desk.store, desk.sink, desk.clock, dry_run=False, test=True)
    assert [alert.kind for alert in desk.sink.delivered] == ["test"] * 3
    assert len({alert.id for alert in desk.sink.delivered}) == 3
    configuration.keep(desk.read, parse, desk.store, desk.sink, desk.clock, dry_run=True, test=True)
    assert len(desk.sink.delivered) == 3


def test_a_test_alert_waits_as_every_other_does() -> None:
    desk = Desk()
    desk.sink.closed = True
    desk.collect()
    desk.sink.closed = False
    desk.collect()
    assert [alert.id for alert in desk.sink.delivered] == ["test:stack:deployed"]


def test_one_that_is_refused_is_alerted_once_with_every_mistake_and_the_last_good_one_goes_on() -> None:
    desk = Desk().both()
    desk.document = WRONG

    found = [desk.collect() for _ in range(9)]

    assert {one.mistakes for one in found} == {mistakes(WRONG)}
    assert all(one.watch == parse(GOOD) for one in [*found, desk.publish()])
    (alert,) = desk.news()
    assert (alert.kind, alert.severity) == ("configuration-refused", "critical")
    assert len(mistakes(WRONG)) > 1
    assert [alert.facts[f"mistake {number}"] for number, _ in enumerate(mistakes(WRONG), 1)] == [*mistakes(WRONG)]
    assert "goes on with the last one that it accepted, of 2026-11-23 12:15 UTC" in alert.what_it_means


def test_other_mistakes_are_alerted_and_the_same_ones_are_not() -> None:
    desk = Desk().both()
    desk.document = WRONG
    desk.collect()
    desk.document = GOOD | {"mode": "aply"}
    desk.collect()
    first, *rest = desk.news()
    assert [word(alert) for alert in rest] == ["configuration-refused", "over: configuration-refused"]
    assert (rest[1].id, rest[0].id in rest[1].what_it_means) == (first.id, True)
    desk.collect()
    assert desk.news() == []


def test_the_all_clear_comes_when_it_is_corrected_and_the_corrected_one_is_in_use() -> None:
    desk = Desk().both()
    desk.document = WRONG
    desk.collect()
    desk.news()
    desk.document = GOOD | {"mode": "observe"}

    assert desk.collect().watch.mode == "observe"
    assert [word(alert) for alert in desk.news()] == ["over: configuration-refused"]
    desk.both()
    assert desk.news() == []
    desk.document = WRONG
    assert desk.collect().watch.mode == "observe"
    assert [word(alert) for alert in desk.news()] == ["configuration-refused"]


def test_without_a_good_one_the_run_fails_and_people_are_alerted_all_the_same() -> None:
    desk = Desk(WRONG)
    for _ in range(3):
        with pytest.raises(ConfigurationError):
            desk.collect()
    with pytest.raises(ConfigurationError):
        desk.publish()
    (alert,) = desk.news()
    assert "No earlier one counts" in alert.what_it_means


def test_an_alert_that_could_not_be_delivered_is_said_and_delivered_later() -> None:
    desk = Desk().both()
    desk.document, desk.sink.closed = WRONG, True
    assert "the sink is closed" in desk.collect().failures[0]
    desk.sink.closed = False
    assert desk.collect().failures == ()
    assert [word(alert) for alert in desk.news()] == ["configuration-refused"]


def test_a_dry_run_writes_and_delivers_nothing() -> None:
    desk = Desk()
    assert desk.collect(dry_run=True).watch == parse(GOOD)
    assert desk.publish(dry_run=True).watch == parse(GOOD)
    assert desk.store.writes == []
    desk.both()
    before = len(desk.store.writes)
    desk.document = WRONG
    assert desk.collect(dry_run=True) == configuration.Configured(parse(GOOD), mistakes(WRONG))
    assert len(desk.store.writes) == before
    assert desk.news() == []


def test_a_kept_one_that_the_stack_refuses_by_now_is_not_used_and_the_newest_mistakes_are_alerted() -> None:
    desk = Desk().both()
    state = msgspec.json.decode(desk.store.body(keys.CONFIGURATION))
    state["good"]["targets"][0]["arn"] = "arn:aws:apigateway:eu-west-1::/domainnames/api.example.com"
    desk.store.seed(keys.CONFIGURATION, msgspec.json.encode(state))
    accepted = configuration.Accepted(digests=(configuration.digest_of(state["good"]),))
    desk.store.seed(keys.ACCEPTED, msgspec.json.encode(accepted))
    desk.document = WRONG
    with pytest.raises(ConfigurationError) as refused:
        desk.publish()
    assert refused.value.mistakes == mistakes(WRONG)


def test_nobody_is_told_that_a_kept_one_goes_on_which_the_stack_refuses_by_now() -> None:
    def other_stack(document: object) -> Watch:
        return config.from_document(document, stack_region="eu-west-1", stack_account="123456789012")

    desk = Desk().both()
    desk.news()
    with pytest.raises(ConfigurationError):
        configuration.keep(lambda: other_stack(GOOD), other_stack, desk.store, desk.sink, desk.clock, dry_run=False)
    (alert,) = desk.news()
    assert (alert.kind, alert.severity) == ("configuration-refused", "critical")
    assert "No earlier one counts" in alert.what_it_means


TWO = GOOD | {
    "targets": [
        *GOOD["targets"],
        {"id": "far", "arn": "arn:aws:apigateway:eu-west-1::/domainnames/a.b.c", "bundle": "main"},
    ]
}


def test_of_a_kept_one_the_targets_that_the_stack_reaches_no_more_are_left_out() -> None:
    def kept(document: object, *buckets: str) -> Watch:
        return config.from_kept(document, stack_region="us-east-1", elsewhere=config.Elsewhere(buckets, ()))

    assert [one.id for one in kept(TWO, "watcher-eu-west-1").targets] == ["api", "far"]
    assert kept(TWO) == parse(GOOD)
    assert kept(GOOD) == parse(GOOD)
    for document in (WRONG, TWO | {"mode": "aply"}, TWO | {"targets": 5}, 5):
        with pytest.raises(ConfigurationError):
            kept(document)


@pytest.mark.parametrize("body", [b"", b"garbage", b"[]", b'{"format": "1", "good": 5}', b"{}"])
def test_a_kept_one_that_is_broken_is_written_anew(body: bytes) -> None:
    desk = Desk()
    desk.store.seed(keys.CONFIGURATION, body)
    desk.store.seed(keys.ACCEPTED, body)
    assert desk.collect() == desk.publish() == configuration.Configured(parse(GOOD))
    desk.document = WRONG
    assert desk.publish().watch == parse(GOOD)


def test_what_a_newer_release_kept_is_left_alone_and_stops_no_run() -> None:
    desk = Desk()
    desk.store.seed(keys.CONFIGURATION, b'{"format": "2"}')
    found = desk.collect()
    assert found.watch == parse(GOOD)
    assert "newer release" in found.failures[0]
    assert desk.store.body(keys.CONFIGURATION) == b'{"format": "2"}'


def test_a_bucket_out_of_reach_stops_no_run_with_a_good_configuration() -> None:
    desk = Desk()

    def refuse(*_: str) -> None:
        raise StoreError("it is out of reach")

    desk.store.before = refuse
    found = desk.collect()
    assert found.watch == parse(GOOD)
    assert "out of reach" in found.failures[0]


def unreadable() -> Watch:
    raise StoreError("cannot read s3://conf/watch.yaml: AccessDenied, kms:Decrypt")


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_watch_file_that_cannot_be_read_stops_no_run_and_each_run_fails_by_it(dry_run: bool) -> None:  # noqa: FBT001  # a row
    desk = Desk().both()
    desk.news()
    before = {**desk.store.versions}
    kept = configuration.keep(unreadable, parse, desk.store, desk.sink, desk.clock, dry_run=dry_run)
    used = configuration.in_use(unreadable, parse, desk.store, dry_run=dry_run)
    for found in (kept, used):
        assert found.watch == parse(GOOD)
        assert found.mistakes == ()
        (words,) = found.failures
        assert "kms:Decrypt" in words
        assert "the last good one is in use" in words
    assert (desk.news(), desk.store.versions) == ([], before)
    assert dict(kept.dropped) == {}


def test_nothing_is_handed_over_while_the_watch_file_cannot_be_read() -> None:
    desk = Desk().both()
    kept = configuration.keep(unreadable, parse, desk.store, desk.sink, desk.clock, dry_run=False)
    assert not kept.noted, "which sources are gone is not known"


def test_a_watch_file_that_cannot_be_read_where_none_was_ever_accepted_is_the_error_itself() -> None:
    desk = Desk()
    for dry_run in (True, False):
        with pytest.raises(StoreError, match="kms:Decrypt"):
            configuration.keep(unreadable, parse, desk.store, desk.sink, desk.clock, dry_run=dry_run)
        with pytest.raises(StoreError, match="kms:Decrypt"):
            configuration.in_use(unreadable, parse, desk.store, dry_run=dry_run)


def test_one_that_only_one_function_has_accepted_yet_is_passed_over_for_the_one_before() -> None:
    desk = Desk().both()
    desk.document = GOOD | {"mode": "observe"}
    desk.collect()
    desk.document = WRONG
    assert desk.collect().watch == desk.publish().watch == parse(GOOD)
    desk.document = GOOD | {"policy": {"confirmations": 5}}
    desk.publish()
    desk.document = WRONG
    assert desk.collect().watch == desk.publish().watch == parse(GOOD)
    assert "of 2026-11-23 12:15 UTC" in desk.news()[0].what_it_means


def test_few_documents_are_remembered_whatever_the_operator_uploads() -> None:
    desk = Desk()
    for number in range(1, 12):
        desk.document = GOOD | {"policy": {"confirmations": number}}
        desk.both()
    state = msgspec.json.decode(desk.store.body(keys.CONFIGURATION))
    kept = [state["good"], *(one["document"] for one in state["former"])]
    assert [one["policy"]["confirmations"] for one in kept] == [11, 10, 9, 8]
    assert msgspec.json.decode(desk.store.body(keys.ACCEPTED))["digests"] == [*map(configuration.digest_of, kept)]


def test_a_hundred_mistakes_are_one_alert_of_bounded_size() -> None:
    desk = Desk().both()
    desk.document = GOOD | {
        "targets": [{"id": f"T{number}", "arn": "x" * 9999, "bundle": "b"} for number in range(100)]
    }
    desk.collect()
    (alert,) = desk.news()
    assert alert.facts["more"].endswith("in the log")
    assert len(msgspec.json.encode(alert)) < 32_000


def test_a_secret_that_stands_where_its_name_belongs_is_shown_to_nobody() -> None:
    desk = Desk().both()
    pasted = '{"client_secret": "kA1-secret"}'
    desk.document = GOOD | {"sources": [GOOD["sources"][0] | {"credentials": pasted}]}
    assert "kA1-secret" not in str(desk.collect().mistakes)
    (alert,) = desk.news()
    assert "kA1-secret" not in str(alert)
    assert "sources[0].credentials: this is no ARN" in str(alert)


FLEET = b"""\
sources:
  - {id: use1, region: us-east-1, credentials: "arn:aws:ssm:us-east-1:123456789012:parameter/genesys"}
bundles: [{id: main, sources: [use1]}]
groups:
  web:
    bundle: main
    targets: ["arn:aws:apigateway:us-east-1::/domainnames/api.example.com"]
"""


class FleetDesk(Desk):
    """The same with a file of bytes, as it lies in S3."""

    def read(self) -> Watch:
        return config.load(self.document, stack_region="us-east-1", name="watch.yaml")


@pytest.mark.parametrize(
    "bad",
    [
        b"a: &a [x]\nb: [*a, *a]\n",
        b"x" * 2_000_000,
        b"[" * 10_000,
        FLEET.replace(b"  web", b"\tweb"),
        FLEET + b"mode: apply\nmode: apply\n",
        FLEET + b"---\n" + FLEET,
        FLEET.replace(b"main", b"ma\0in"),
        FLEET.decode().encode("utf-16"),
        b"",
    ],
    ids=["aliases", "huge", "deep", "tab", "twice", "two", "nul", "utf-16", "empty"],
)
def test_whatever_is_uploaded_the_last_good_fleet_stays_in_use_and_one_alert_says_why(bad: bytes) -> None:
    desk = FleetDesk(FLEET).both()
    good = desk.publish().watch
    desk.document = bad
    used = [desk.collect(), desk.publish(), desk.collect()]
    assert [one.watch for one in used] == [good] * 3
    (alert,) = desk.news()
    assert alert.facts["mistake 1"] == plain(used[0].mistakes[0], 300)
    desk.document = FLEET.replace(b"api.", b"www.")
    assert [one.id for one in desk.collect().watch.targets] == ["www-example-com"]
    assert {word(one) for one in desk.news()} == {"over: configuration-refused", "no-longer-watched"}


def test_the_alert_of_a_fleet_with_very_many_mistakes_says_how_many_there_are_and_lists_the_first() -> None:
    desk = FleetDesk(FLEET).both()
    desk.document = FLEET + b"targets:\n" + b"".join(b"  - arn:%d%s\n" % (number, b"x" * 900) for number in range(900))
    mistakes = desk.collect().mistakes
    assert len(mistakes) == 501
    assert sum(map(len, mistakes)) < 250_000
    (alert,) = desk.news()
    assert "targets[0] (line 9): " in alert.facts["mistake 1"]
    assert alert.facts["more"] == "461, in the log"
    assert len(msgspec.json.encode(alert)) < 32_000


ORDERS = {"id": "orders", "arn": "arn:aws:apigateway:us-east-1::/domainnames/orders.example.com", "bundle": "main"}
DUBLIN = GOOD["sources"][0] | {"id": "euw1", "region": "eu-west-1"}
WIDER = GOOD | {"targets": [*GOOD["targets"], ORDERS], "sources": [*GOOD["sources"], DUBLIN]}


def test_what_an_accepted_configuration_leaves_out_is_told_once_by_name() -> None:
    desk = Desk(WIDER)
    desk.collect()
    assert desk.news() == []
    desk.document = GOOD
    for _ in range(3):
        desk.collect()
    (alert,) = desk.news()
    assert (alert.kind, alert.severity) == (Kind.NO_LONGER_WATCHED, "warning")
    assert alert.title == "the watcher: 1 target and 1 source are no longer watched"
    assert alert.facts["target orders"] == ORDERS["arn"]
    assert alert.facts["source euw1"] == "eu-west-1"
    desk.document = WIDER
    desk.collect()
    desk.document = GOOD
    desk.collect()
    assert [one.kind for one in desk.news()] == [Kind.NO_LONGER_WATCHED], "it is news again"


def test_another_id_or_another_order_of_the_same_leaves_nothing_out() -> None:
    desk = Desk(WIDER)
    desk.collect()
    renamed = [one | {"id": f"new-{one['id']}"} for one in reversed(WIDER["targets"])]
    sources = [one | {"id": f"new-{one['id']}"} for one in reversed(WIDER["sources"])]
    bundles = [GOOD["bundles"][0] | {"sources": ["new-use1"]}]
    desk.document = WIDER | {"targets": renamed, "sources": sources, "bundles": bundles}
    desk.collect()
    assert desk.news() == []


def test_an_id_that_names_another_target_leaves_the_former_one_out() -> None:
    desk = Desk()
    desk.collect()
    desk.document = GOOD | {"targets": [ORDERS | {"id": "api"}]}
    desk.collect()
    (alert,) = desk.news()
    assert {key: value for key, value in alert.facts.items() if key != "at"} == {
        "target api": GOOD["targets"][0]["arn"]
    }


def test_what_is_refused_leaves_nothing_out() -> None:
    desk = Desk(WIDER).both()
    desk.document = WRONG
    desk.collect()
    assert {one.kind for one in desk.news()} == {Kind.CONFIGURATION_REFUSED}
