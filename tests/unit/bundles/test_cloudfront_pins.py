"""The pairs of a key value store that the pins want, and the requests that bring it there."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from rotation_watcher.bundles.cloudfront_pins import LARGEST_VALUE, MOST_PAIRS, StorePlan, plan, requests
from rotation_watcher.bundles.pins import Pin, Pins
from rotation_watcher.errors import RequestRefused
from rotation_watcher.sources.history import Status
from rotation_watcher.x509.facts import CertificateFacts
from tests.unit.cloudfront.runtime import SOURCE, Given, in_quickjs

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
YEAR = timedelta(days=365)
OTHERS = {"maintenance": "off", "ab" * 32: "a digest of somebody else's", "__proto__": '{"bundle":"main"}'}


def pin(number: int, *, source: str = "use1", until: datetime | None = None, not_after: datetime = NOW + YEAR) -> Pin:
    facts = CertificateFacts(
        fingerprint=f"{number:064x}",
        spki_sha256="00" * 32,
        subject="CN=x",
        issuer="CN=y",
        serial="01",
        names=("x",),
        not_before=NOW - YEAR,
        not_after=not_after,
    )
    status = Status.RETIRING if until else Status.CURRENT
    return Pin(
        certificate=facts,
        authority="Genesys",
        source=source,
        region="us-east-1",
        status=status,
        since=NOW - YEAR,
        until=until,
    )


def pins(*each: Pin, bundle: str = "main") -> Pins:
    return Pins(bundle=bundle, pins=each)


def after(planned: StorePlan, held: dict[str, str]) -> dict[str, str]:
    """What the store holds when the requests have been carried out."""
    result = dict(held)
    for request in requests(planned):
        result |= {each["Key"]: each["Value"] for each in request.get("Puts", [])}
        for each in request.get("Deletes", []):
            del result[each["Key"]]
    return result


def test_an_empty_store_gets_one_pair_a_leaf() -> None:
    assert requests(plan(pins(pin(1), pin(2)), {}, NOW)) == [
        {
            "Puts": [
                {"Key": f"{1:064x}", "Value": '{"bundle":"main","sources":{"use1":"2027-11-26T12:00:00Z"}}'},
                {"Key": f"{2:064x}", "Value": '{"bundle":"main","sources":{"use1":"2027-11-26T12:00:00Z"}}'},
            ]
        }
    ]


def test_a_store_in_step_gets_no_request() -> None:
    held = after(plan(pins(pin(1), pin(2)), OTHERS, NOW), OTHERS)
    planned = plan(pins(pin(1), pin(2)), held, NOW)
    assert (planned.changes, requests(planned), planned.others) == (False, [], len(OTHERS))


def test_a_rotation_puts_the_new_leaf_before_it_deletes_the_old_one() -> None:
    held = after(plan(pins(pin(1)), OTHERS, NOW), OTHERS)
    planned = plan(pins(pin(2)), held, NOW)
    assert [sorted(each) for each in requests(planned)] == [["Puts"], ["Deletes"]]
    assert after(planned, held).keys() == OTHERS.keys() | {f"{2:064x}"}


def test_what_others_hold_is_never_put_or_deleted() -> None:
    planned = plan(pins(pin(1)), OTHERS, NOW)
    assert not OTHERS.keys() & ({*planned.puts} | {*planned.deletes})
    assert planned.others == len(OTHERS)


def test_a_retiring_leaf_is_pinned_until_its_grace_ends_and_no_longer_than_it_is_valid() -> None:
    soon, later = NOW + timedelta(days=3), NOW + timedelta(days=30)
    planned = plan(pins(pin(1, until=soon), pin(2, until=later, not_after=soon)), {}, NOW)
    ends = {json.loads(value)["sources"]["use1"] for value in planned.puts.values()}
    assert ends == {"2026-11-29T12:00:00Z"}


@pytest.mark.parametrize("end", [NOW, NOW + timedelta(milliseconds=400), NOW - timedelta(days=1)])
def test_a_pin_that_has_ended_is_deleted(end: datetime) -> None:
    held = after(plan(pins(pin(1), pin(2)), {}, NOW - YEAR), {})
    planned = plan(pins(pin(1, until=end), pin(2)), held, NOW)
    assert planned.deletes == [f"{1:064x}"]


def test_a_leaf_of_two_sources_has_an_end_for_each_and_of_one_source_the_later_end() -> None:
    early, late = NOW + timedelta(days=1), NOW + timedelta(days=2)
    planned = plan(pins(pin(1, until=late), pin(1, until=early), pin(1, source="use1-b")), {}, NOW)
    assert [json.loads(value)["sources"] for value in planned.puts.values()] == [
        {"use1": "2026-11-28T12:00:00Z", "use1-b": "2027-11-26T12:00:00Z"}
    ]


def test_a_changed_end_is_put_anew() -> None:
    held = after(plan(pins(pin(1)), {}, NOW), {})
    planned = plan(pins(pin(1, until=NOW + timedelta(days=1))), held, NOW)
    assert ([*planned.puts], planned.deletes) == ([f"{1:064x}"], [])


def test_no_pins_close_the_door_since_the_only_leaf_may_have_been_revoked() -> None:
    held = after(plan(pins(pin(1)), OTHERS, NOW), OTHERS)
    planned = plan(pins(), held, NOW)
    assert planned.admits_nobody
    assert after(planned, held) == OTHERS
    assert not plan(pins(pin(1)), held, NOW).admits_nobody


def test_no_request_holds_more_than_the_service_takes_and_all_puts_come_first() -> None:
    held = after(plan(pins(*(pin(number) for number in range(1000, 1120))), {}, NOW), {})
    planned = plan(pins(*(pin(number) for number in range(1, 102))), held, NOW)
    sizes = [(len(each.get("Puts", [])), len(each.get("Deletes", []))) for each in requests(planned)]
    assert sizes == [(MOST_PAIRS, 0), (MOST_PAIRS, 0), (1, 0), (0, MOST_PAIRS), (0, MOST_PAIRS), (0, 20)]


def test_a_store_of_another_bundle_is_refused() -> None:
    held = after(plan(pins(pin(1), bundle="partners"), {}, NOW), {})
    with pytest.raises(RequestRefused, match=r"'partners'.*a store belongs to one bundle"):
        plan(pins(pin(2)), held, NOW)


def test_a_key_that_a_pin_needs_and_somebody_else_holds_is_refused_by_its_name() -> None:
    with pytest.raises(RequestRefused, match=rf"the key {1:064x} .*Delete that key"):
        plan(pins(pin(1)), {f"{1:064x}": "blocked"}, NOW)


@pytest.mark.parametrize(
    "value",
    [
        '{"bundle":"main"}',
        '{"bundle":"main","sources":{}}',
        '{"bundle":"main","sources":{"use1":"2027-01-01"}}',
        '{"bundle":"main","sources":{"USE1":"2027-01-01T00:00:00Z"}}',
        '{"bundle":"main","sources":{"use1":"2027-01-01T00:00:00Z"},"note":"mine"}',
        "[" * 100_000,
        "\ud800",
    ],
)
def test_a_value_of_another_form_is_somebody_elses(value: str) -> None:
    assert plan(pins(), {f"{1:064x}": value}, NOW).deletes == []


def test_a_pin_under_a_key_of_another_form_is_somebody_elses() -> None:
    value = '{"bundle":"main","sources":{"use1":"2027-01-01T00:00:00Z"}}'
    held = {"AB" * 32: value, "ab" * 31: value, "x" + "ab" * 32: value}
    assert plan(pins(), held, NOW).deletes == []


def test_a_value_that_the_service_would_not_take_is_refused_with_the_way_out() -> None:
    many = [pin(1, source=f"{number:02}-" + "s" * 60) for number in range(13)]
    with pytest.raises(RequestRefused, match=rf"takes {LARGEST_VALUE}\. Shorten"):
        plan(pins(*many), {}, NOW)


def test_the_function_at_the_edge_reads_what_is_written_here() -> None:
    held = after(plan(pins(pin(1, until=NOW + timedelta(days=1))), {}, NOW), {})
    event = {"clientCertificate": {"certificates": {"leaf": {"sha256Fingerprint": f"{1:064X}"}}}}
    tomorrow = NOW + timedelta(days=1)
    verdicts = [in_quickjs(SOURCE.read_text(), Given(event, held, at)).log.split()[:2] for at in (NOW, tomorrow)]
    assert verdicts == [["allow", "pinned"], ["deny", "expired-pin"]]
