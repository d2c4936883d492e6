"""Which certificates of ours are revoked, as ``refresh_crls`` leaves it, and what that takes from a bundle.

A revoked leaf is wanted and pinned no longer, and a revoked CA vouches for nothing; a leaf that stands under revoked
CAs alone is treated like a revoked one. Nothing leaves a truststore because of it: while a revoked certificate is in a
history, removals wait, and a person decides (the alert ``revoked`` says how).

The file is not believed: whoever could write it would unpin the leaf that Genesys presents. Each entry names the list,
and a certificate counts as revoked only if that list, signed by the key that signed the certificate, says so.
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
from rotation_watcher.x509.certificates import parse_text, signed
from rotation_watcher.x509.paths import Path

replace = msgspec.structs.replace

FORMAT = 1


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What shows that a certificate is revoked: it and its issuer (PEM), and the object that holds the list (DER)."""

    certificate: str
    issuer: str
    key: str
    version: str | None


class RevokedCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """One certificate: its subject (RFC 4514, hostile text), the URL of the list, and since when the watcher knows.

    ``proof`` is None only until the next run of ``refresh_crls``, if the file was lost.
    """

    subject: str
    list: str
    since: Instant
    proof: Proof | None = None


class Revoked(msgspec.Struct, frozen=True, kw_only=True):
    """The content of ``crls/revoked.json``; ``certificates`` by fingerprint."""

    format: int = FORMAT
    certificates: Mapping[str, RevokedCertificate] = {}


NOTHING = Revoked()


class Found(NamedTuple):
    """What is proved to be revoked. ``fault``: why that may not be all, in words."""

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
    return formats.encode(revoked)


def load(store: ObjectStore) -> Found:
    """What is known to be revoked; no file: nothing is. Raises StoreError where S3 cannot be read."""
    stored = store.get(keys.REVOKED)
    if stored is None:
        return Found()
    try:
        listed = formats.read(stored.body, decode, keys.REVOKED, "the next run of refresh_crls writes it anew")
    except StoreError as error:
        return Found(fault=str(error))
    proved = _proved(store, listed.certificates)
    bare = sorted(listed.certificates.keys() - proved.keys())
    fault = f"{keys.REVOKED} names certificates that no list is shown to revoke: {bare[0][:16]}" if bare else None
    return Found(replace(listed, certificates=proved), fault)


def _proved(store: ObjectStore, listed: Mapping[str, RevokedCertificate]) -> dict[str, RevokedCertificate]:
    """Those that the list which they name revokes, where the certificate's own issuer signed both. Raises StoreError.

    Each list is read once, and one at a time: it may take a hundred megabytes.
    """
    from rotation_watcher.x509 import crl, crl_refusal  # noqa: PLC0415  # seldom needed, and slow to load

    proved = {}
    places = {(one.proof.key, one.proof.version) for one in listed.values() if one.proof}
    for place in sorted(places, key=str):
        stored = store.get(place[0], version=place[1])
        held = crl.read(stored.body) if stored else None
        for key, one in listed.items():
            if one.proof is None or (one.proof.key, one.proof.version) != place or not isinstance(held, crl.Crl):
                continue
            parsed = [
                each for text in (one.proof.certificate, one.proof.issuer) for each in parse_text(text).certificates
            ]
            if len(parsed) != 2 or parsed[0].fingerprint != key:  # noqa: PLR2004  # it and its issuer
                continue
            certificate, issuer = parsed
            if (
                signed(certificate, issuer)
                and crl_refusal.is_whole_and_of(held, issuer)
                and crl.is_revoked(held.serials, certificate.raw.serial_number)
            ):
                proved[key] = one
    return proved


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
