"""What proves that the watcher added a certificate: the certificate itself, whatever lay in that place before."""

import pytest

from rotation_watcher import keys
from rotation_watcher.targets import added
from tests.support import pki
from tests.support.fakes import InMemoryStore

ARN = "arn:aws:elasticloadbalancing:us-east-1:123456789012:truststore/alb/1"
ROOT, OTHER = pki.root("Root").read, pki.root("Other").read
KEY = keys.added(ARN, ROOT.fingerprint)


def test_what_is_noted_is_confirmed_for_that_target_alone_and_is_written_once() -> None:
    store = InMemoryStore()
    for _ in range(2):
        added.note(store, ARN, [ROOT])
    assert added.confirmed(store, ARN, [ROOT.fingerprint, OTHER.fingerprint]) == {ROOT.fingerprint}
    assert added.confirmed(store, f"{ARN}0", [ROOT.fingerprint]) == frozenset()
    assert len(store.versions[KEY]) == 1


@pytest.mark.parametrize("body", [b"", OTHER.pem.encode()])
def test_something_else_in_its_place_proves_nothing_and_is_written_over(body: bytes) -> None:
    store = InMemoryStore()
    store.seed(KEY, body)
    assert added.confirmed(store, ARN, [ROOT.fingerprint]) == frozenset()
    added.note(store, ARN, [ROOT])
    assert added.confirmed(store, ARN, [ROOT.fingerprint]) == {ROOT.fingerprint}
