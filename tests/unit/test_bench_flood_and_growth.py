"""What two benchmarks reckon and make up. Nothing is measured here."""

import json

import msgspec
import pytest
from cryptography.exceptions import InvalidSignature

from benchmarks import flood, growth
from benchmarks.calls import START
from benchmarks.growth import Took
from local.aws.calls import Call
from local.genesys.issuing import Identity, issue
from rotation_watcher.adapters.genesys import MAX_ANSWER
from rotation_watcher.x509.certificates import parse_text
from tests.support import certs
from tests.support.small_collect import entity

MB = 60.0


@pytest.fixture(scope="module")
def root() -> Identity:
    return issue(None, "Root", certs.ec_key(), START, START.replace(year=2040), authority=True)


@pytest.mark.parametrize(("power", "fixed"), [(1.0, 0.0), (2.0, 0.0), (1.0, 5.0)])
def test_the_exponent_is_that_of_the_power_and_what_a_run_takes_anyway_does_not_raise_it(
    power: float, fixed: float
) -> None:
    found = growth.growth({size: Took(fixed + 0.01 * size**power, 0.0, MB) for size in (10, 100, 1000)})
    if fixed:
        assert found.exponents[0] < found.exponent < power
    else:
        assert found.exponents == pytest.approx([power, power])


def test_each_target_s_share_is_what_the_larger_fleet_takes_more() -> None:
    sizes = {10: Took(1.0, 0.0, MB), 100: Took(2.0, 0.0, MB), 1000: Took(11.0, 0.0, MB + 1.0)}
    found = growth.growth(sizes)
    assert found.ms_a_target == pytest.approx(10.0)
    assert found.kb_a_target == pytest.approx(1024 / 990)
    assert found.memory == pytest.approx((MB + 1.0) / MB)


@pytest.mark.parametrize("kind", flood.KINDS)
def test_an_answer_is_full_of_entities_none_like_another(kind: str, root: Identity) -> None:
    made = flood.KINDS[kind](20, root)
    assert len({*made}) == 20
    read = msgspec.json.decode(flood.answer(made))["entities"]
    assert {one["status"] for one in read} == {"Current"}
    names = {one.fingerprint for each in read for one in parse_text(each["certificate"]).certificates}
    assert len(names) == (0 if kind == "texts" else 20)


def test_a_forged_certificate_bears_the_root_s_name_and_key_identifier_and_not_its_signature(root: Identity) -> None:
    (made,) = flood.forged(1, root)
    (read,) = parse_text(json.loads(made)["certificate"]).certificates
    assert read.raw.issuer == root.certificate.subject
    with pytest.raises(InvalidSignature):
        read.raw.verify_directly_issued_by(root.certificate)


def test_as_many_entities_are_made_as_an_answer_may_have_bytes_for() -> None:
    one, own = entity("x" * 1000), entity("y" * 2000)
    number = flood.fitting(one, own, 10_000)
    size = len(flood.answer([own, *[one] * (number - 1)]))
    assert MAX_ANSWER * 0.99 < size <= MAX_ANSWER
    assert flood.fitting(one, own, 100) == 100


def test_what_was_written_are_the_keys_of_the_bucket_and_no_reads() -> None:
    calls = [
        Call("s3", "PutObject", mutating=True, resource="watcher-bucket/sources/s/history.json", region=""),
        Call("s3", "GetObject", mutating=False, resource="watcher-bucket/watch.json", region=""),
        Call("sqs", "SendMessage", mutating=True, resource="queue", region=""),
        Call("s3", "DeleteObject", mutating=True, resource="watcher-bucket/alerts/log/a", region=""),
    ]
    assert flood.written(calls) == ["sources/s/history.json", "alerts/log/a"]
