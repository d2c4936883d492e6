"""Which certificates of ours are revoked, as ``refresh_crls`` leaves it, and what that takes from a bundle.

A revoked leaf is wanted and pinned no longer, and a revoked CA vouches for nothing; a leaf that stands under revoked
CAs alone is treated like a revoked one. Nothing leaves a truststore because of it: while a revoked certificate is in a
history, removals wait, and a person decides (the alert ``revoked`` says how). So whoever could forge this file could
narrow the pins, and shut nobody out of a truststore.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec

from rotation_watcher import formats, keys
from rotation_watcher.bundles.wanted import Need
from rotation_watcher.clocks import Instant
from rotation_watcher.errors import StoreError
from rotation_watcher.ports import ObjectStore
from rotation_watcher.x509.paths import Path

FORMAT = 1


class RevokedCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """One certificate: its subject (RFC 4514, hostile text), the URL of the list, and since when the watcher knows."""

    subject: str
    list: str
    since: Instant


class Revoked(msgspec.Struct, frozen=True, kw_only=True):
    """The content of ``crls/revoked.json``; ``certificates`` by fingerprint."""

    format: int = FORMAT
    certificates: Mapping[str, RevokedCertificate] = {}


NOTHING = Revoked()


class Found(NamedTuple):
    """What is known to be revoked. ``fault``: why that is not known, in words; then nothing is in ``revoked``."""

    revoked: Revoked = NOTHING
    fault: str | None = None


class Struck(NamedTuple):
    """What revocation leaves of some needs; the leaves that it takes, by fingerprint; and why, in words."""

    needs: list[Need]
    leaves: frozenset[str]
    words: tuple[str, ...]


def decode(data: bytes) -> Revoked:
    """The content of the file. Raises NewerFormat for a newer release's, one of errors.UNDECODABLE if it is none."""
    formats.number_of(data, newest=FORMAT)
    return msgspec.json.decode(data, type=Revoked)


def encode(revoked: Revoked) -> bytes:
    """The JSON that is kept in S3, deterministic."""
    return msgspec.json.format(msgspec.json.encode(revoked, order="sorted"), indent=1)


def load(store: ObjectStore) -> Found:
    """What is known to be revoked; no file: nothing is. Raises StoreError where S3 cannot be read."""
    stored = store.get(keys.REVOKED)
    if stored is None:
        return Found()
    try:
        return Found(formats.read(stored.body, decode, keys.REVOKED, "the next run of refresh_crls writes it anew"))
    except StoreError as error:
        return Found(fault=str(error))


def strike(needs: Iterable[Need], revoked: Collection[str], now: datetime) -> Struck:
    """Take from the needs what is revoked (fingerprints): leaves, and the CAs above the others."""
    if not revoked:
        return Struck([*needs], frozenset(), ())
    left, leaves, words = [], set(), []
    for need in needs:
        leaf, chains = need.certificate.fingerprint, (need.chain, *need.alternatives)
        bad = {one.fingerprint for chain in chains for one in chain} & {*revoked}
        if leaf in revoked:
            leaves.add(leaf)
            words.append(f"leaf {leaf[:16]} is revoked")
            continue
        if bad:
            chains = tuple(tuple(one for one in chain if one.fingerprint not in bad) for chain in chains)
            need = need._replace(chain=chains[0], alternatives=chains[1:])  # noqa: PLW2901  # it goes on with less
            words.append(f"a CA certificate above leaf {leaf[:16]} is revoked: {min(bad)[:16]}")
            if not any(isinstance(path, Path) for path in need.paths(now)):
                leaves.add(leaf)
                continue
        left.append(need)
    return Struck(left, frozenset(leaves), tuple(words))
