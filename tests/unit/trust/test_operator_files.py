"""What is wrong with an operator's file is said where nothing of it can be used."""

import pytest

from rotation_watcher import keys
from rotation_watcher.config import Authority, Source
from rotation_watcher.trust import digicert
from rotation_watcher.trust.operator_files import load_anchors, load_extra
from tests.support import pki
from tests.support.fakes import InMemoryStore

ROOT = pki.root("Root")
SOURCE = Source(
    id="use1",
    region="us-east-1",
    credentials="arn:aws:ssm:us-east-1:123456789012:parameter/genesys",
    authorities=(Authority.GENESYS, Authority.DIGICERT),
)


def test_the_region_trusts_the_roots_of_its_file_and_digicert_the_vendored_list() -> None:
    store = InMemoryStore()
    store.seed(SOURCE.anchors_key, ROOT.pem.encode())
    found = load_anchors(store, SOURCE)
    assert found.certificates == {Authority.GENESYS: (ROOT.read,), Authority.DIGICERT: digicert.roots()}
    assert found.problems == {}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (pki.intermediate("Issuing", ROOT).pem, "1 certificates"),
        (ROOT.pem[:200], "line 1: the last block has no END marker"),
    ],
)
def test_a_file_without_a_root_trusts_nobody_and_says_why(body: str, said: str) -> None:
    store = InMemoryStore()
    for key in (SOURCE.anchors_key, keys.DIGICERT_ANCHORS):
        store.seed(key, body.encode())
    found = load_anchors(store, SOURCE)
    assert found.certificates == {Authority.GENESYS: (), Authority.DIGICERT: ()}
    for authority, key in ((Authority.GENESYS, SOURCE.anchors_key), (Authority.DIGICERT, keys.DIGICERT_ANCHORS)):
        assert found.problems[authority].startswith(f"s3://{store.bucket}/{key} holds no self-signed root ({said}")


def test_a_missing_file_trusts_nobody_and_is_named() -> None:
    found = load_anchors(InMemoryStore(), SOURCE)
    assert found.certificates[Authority.GENESYS] == ()
    assert [*found.problems] == [Authority.GENESYS]
    assert "does not exist" in found.problems[Authority.GENESYS]


def test_an_extra_file_that_is_missing_is_a_fault_of_the_file_as_a_whole() -> None:
    (fault,) = load_extra(InMemoryStore(), "extra/ours.pem").faults
    assert (fault.line, fault.defect.code) == (0, "missing")
