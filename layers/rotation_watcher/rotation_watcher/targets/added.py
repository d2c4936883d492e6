"""What the watcher added to a target, kept apart from the target's record: ``bundles/.added/<ARN>/<sha256>.pem``.

A record under ``targets/`` says what is ours, and whoever can write there can make it say anything. So what is added is
also written down under ``bundles/``, once a certificate and before the target can hold it; and nothing leaves a target
as ours without that proof. A bundle's id never begins with a dot, so no bundle's files lie there.
"""

from collections.abc import Iterable

from rotation_watcher import keys
from rotation_watcher.errors import Conflict
from rotation_watcher.ports import ObjectStore
from rotation_watcher.x509.certificates import Block, Certificate, parse_bundle


def note(store: ObjectStore, arn: str, certificates: Iterable[Certificate | Block]) -> None:
    """Write down what is about to be added. Raises StoreError."""
    for certificate in certificates:
        key = keys.added(arn, certificate.fingerprint)
        body, etag = certificate.pem.encode(), None
        for _ in range(2):
            try:
                store.put_if(key, body, etag=etag, content_type=keys.PEM_TYPE)
                break
            except Conflict:  # most often there is none yet, so it is read only where there is one
                stored = store.get(key)
            if stored is not None and _names(stored.body, certificate.fingerprint):
                break
            etag = stored.etag if stored else None


def confirmed(store: ObjectStore, arn: str, fingerprints: Iterable[str]) -> frozenset[str]:
    """Those that the watcher has added to this target. Raises StoreError."""
    found = set()
    for fingerprint in fingerprints:
        stored = store.get(keys.added(arn, fingerprint))
        if stored is not None and _names(stored.body, fingerprint):
            found.add(fingerprint)
    return frozenset(found)


def _names(body: bytes, fingerprint: str) -> bool:
    return any(block.fingerprint == fingerprint for block in parse_bundle(body)[0])
