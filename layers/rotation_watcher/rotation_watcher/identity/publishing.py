"""Keep ``bundles/<id>/identity.json`` up to date beside the pins: what a door needs to decide, and no secret.

It follows ``pins.json``, which widens before a target changes and narrows after it was proved: a leaf that is pinned is
admitted under every rule. The rules name the CAs and names of proved leaves alone; a leaf that an approval let pass is
pinned and teaches nothing. Where no leaf of a source is proved now, its rule stays as it was, but for revoked CAs.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Literal

import msgspec
from cryptography.x509 import NameConstraints

from rotation_watcher import formats, keys
from rotation_watcher.bundles.files import known_pins
from rotation_watcher.bundles.pins import Pin
from rotation_watcher.bundles.revoked import links
from rotation_watcher.bundles.wanted import BundleView, Need, SourceRead
from rotation_watcher.clocks import Instant
from rotation_watcher.compare_and_set import compare_and_set
from rotation_watcher.config import Authority
from rotation_watcher.ports import ObjectStore
from rotation_watcher.revocation import points
from rotation_watcher.trust.identity import shared
from rotation_watcher.x509.certificates import Certificate, extension, parse_bundle
from rotation_watcher.x509.paths import Path

replace = msgspec.structs.replace

FORMAT = 1
"""The format that this release writes; doors read it (``policy``), and decision 0019 says when it is raised."""


class Issuer(msgspec.Struct, frozen=True, kw_only=True):
    """A CA certificate: its SHA-256, that of its SubjectPublicKeyInfo (both lower-case hex), and its PEM."""

    sha256: str
    key: str
    pem: str


class Rule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the leaves of one source and authority are recognised; see ``policy.Rule``.

    ``above``: the CAs over its issuers, where one of them constrains names; they vouch for no leaf by themselves.
    """

    source: str
    region: str
    authority: str
    mode: Literal["issued", "pinned"]
    unknown: Literal["strict", "name"]
    names: tuple[str, ...]
    issuers: tuple[Issuer, ...]
    above: tuple[Issuer, ...] = ()


class DoorPin(msgspec.Struct, frozen=True, kw_only=True):
    """One accepted leaf. ``lifted``: the reason codes that an approval waives for it; ``until``: None has no end."""

    sha256: str
    source: str
    region: str
    authority: str
    not_before: Instant
    not_after: Instant
    until: Instant | None
    lifted: tuple[str, ...]
    issuer_key: str | None


class FollowedList(msgspec.Struct, frozen=True, kw_only=True):
    """A revocation list that refresh_crls follows: its folder, and the key (SHA-256) of who signs it."""

    issuer_key: str
    folder: str


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """The content of ``identity.json``. ``revoked``: the SHA-256 of certificates known to be (lower-case hex)."""

    format: int = FORMAT
    bundle: str
    rules: tuple[Rule, ...]
    pins: tuple[DoorPin, ...]
    lists: tuple[FollowedList, ...]
    revoked: tuple[str, ...]


def decode(data: bytes) -> Identity:
    """The file. Raises NewerFormat if a newer release wrote it, one of errors.UNDECODABLE if it is none."""
    formats.number_of(data, newest=FORMAT)
    return msgspec.json.decode(data, type=Identity)


def write(view: BundleView, store: ObjectStore, now: datetime, *, dry_run: bool = False) -> list[str]:
    """Write the file where it differs, after the pins; the keys that were written (with ``dry_run``: would be).

    Nothing is written while no leaf is known and no file is there. Raises StoreError.
    """
    key = keys.identity(view.bundle.id)
    fresh = _fresh_rules(view, now)
    lists = _lists(view, now)
    issuer_keys = _issuer_keys(view, now)
    written = False

    def load() -> tuple[Identity | None, str | None]:
        stored = store.get(key)
        return (formats.read_or_none(stored.body, decode, key), stored.etag) if stored else (None, None)

    def change(old: Identity | None) -> Identity | None:
        if old is None and not fresh:
            return None
        kept = _kept_rules(view, old, fresh)
        rules = tuple(_without(rule, view.revoked) for rule in (*fresh, *kept))
        pins = tuple(_pin(pin, issuer_keys, old) for pin in known_pins(store, view.bundle.id))
        return Identity(
            bundle=view.bundle.id,
            rules=rules,
            pins=pins,
            lists=_still_asked(old, lists, rules, pins),
            revoked=tuple(sorted(view.revoked)),
        )

    def put(new: Identity | None, etag: str | None) -> str:
        nonlocal written
        kept = store.put_if(key, formats.encode(new), etag=etag, content_type=keys.JSON_TYPE)
        written = True
        return kept.etag

    if dry_run:
        old, _ = load()
        return [key] if change(old) != old else []
    compare_and_set(load, change, put, key)
    return [key] if written else []


def _fresh_rules(view: BundleView, now: datetime) -> tuple[Rule, ...]:
    """The rules of which a leaf is proved now. Leaves that only an approval let pass prove nothing."""
    found = []
    for read in view.read:
        for authority in view.bundle.authorities:
            needs = [
                need
                for need in view.wanted.needs
                if (need.source, need.authority) == (read.source.id, authority.value) and not need.state.lifted
            ]
            if needs:
                found.append(_rule(read, authority, needs, view, now))
    return tuple(found)


def _rule(read: SourceRead, authority: Authority, needs: list[Need], view: BundleView, now: datetime) -> Rule:
    issuers = {ca.fingerprint: ca for need in needs for ca in _above(need, now)}
    issuers |= _trusted_early(read, authority)
    above = {ca.fingerprint: ca for need in needs for ca in _constraining(need, now)}
    names = _names(read, authority, needs)
    issued = authority is Authority.GENESYS and view.bundle.identity == "issued" and bool(names)
    return Rule(
        source=read.source.id,
        region=read.source.region,
        authority=authority.value,
        mode="issued" if issued else "pinned",
        unknown=view.bundle.unknown_leaf,
        names=names,
        issuers=tuple(_issuer(issuers[fingerprint]) for fingerprint in sorted(issuers)),
        above=tuple(_issuer(above[fingerprint]) for fingerprint in sorted(above.keys() - issuers.keys())),
    )


def _names(read: SourceRead, authority: Authority, needs: list[Need]) -> tuple[str, ...]:
    """The names that make a leaf the region's: the enforced one; else the learned ones that a proved leaf bears.

    A history alone is a claim. Without either the catalogue's name counts, where a proved leaf bears it.
    """
    enforced = read.source.enforced_names(authority)
    if enforced:
        return tuple(sorted(enforced))
    borne = {name for need in needs for name in need.certificate.facts.names}
    known = read.history.authorities.get(authority.value)
    learned = shared(known.names, borne) if known else set()
    return tuple(sorted(learned or shared([read.source.believed_name] if read.source.believed_name else [], borne)))


def _above(need: Need, now: datetime) -> list[Certificate]:
    """The CAs that signed a leaf, by each path that is proved."""
    return [path.chain[1] for path in need.paths(now) if isinstance(path, Path) and len(path.chain) > 1]


def _constraining(need: Need, now: datetime) -> list[Certificate]:
    """The CAs over those that signed a leaf, on each proved path on which one of them constrains names."""
    ways = [path.chain[2:] for path in need.paths(now) if isinstance(path, Path)]
    return [ca for way in ways if any(extension(one, NameConstraints) for one in way) for ca in way]


def _issuer_keys(view: BundleView, now: datetime) -> dict[str, str]:
    """Whose key signed each leaf that is proved, by the leaf's fingerprint."""
    needs = view.carried(now).needs
    return {need.certificate.fingerprint: ca.facts.spki_sha256 for need in needs for ca in _above(need, now)[:1]}


def _lists(view: BundleView, now: datetime) -> tuple[FollowedList, ...]:
    """The lists that refresh_crls follows for these leaves. Where they lie is said by ``points`` alone.

    Those for CAs are not among them: no rule and no pin rests on a revoked CA.
    """
    followed = points.gather(links(view.asked, now)).points.values()
    listed = {(point.issuer.facts.spki_sha256, point.folder) for point in followed if not point.ca}
    return tuple(FollowedList(issuer_key=key, folder=folder) for key, folder in sorted(listed))


def _still_asked(
    old: Identity | None, lists: Iterable[FollowedList], rules: Iterable[Rule], pins: Iterable[DoorPin]
) -> tuple[FollowedList, ...]:
    """The lists to ask, and the former ones of every CA that a rule or a pin goes by: what they revoke stays out."""
    signers = {one.key for rule in rules for one in rule.issuers} | {pin.issuer_key for pin in pins}
    former = [one for one in (old.lists if old else ()) if one.issuer_key in signers]
    return tuple(sorted({*lists, *former}, key=lambda one: (one.issuer_key, one.folder)))


def _kept_rules(view: BundleView, old: Identity | None, fresh: Iterable[Rule]) -> list[Rule]:
    """The former rules of sources of this bundle that show no proved leaf now, as the operator has them now."""
    known = {(rule.source, rule.authority) for rule in fresh}
    wanted = {(source, authority.value) for source in view.bundle.sources for authority in view.bundle.authorities}
    kept = [rule for rule in (old.rules if old else ()) if (rule.source, rule.authority) in wanted - known]
    return [_as_decided(rule, view) for rule in kept]


def _as_decided(rule: Rule, view: BundleView) -> Rule:
    """A former rule with the watch file's words, and without roots that the operator's file holds no longer."""
    mode = rule.mode if view.bundle.identity == "issued" else "pinned"
    rule = replace(rule, mode=mode, unknown=view.bundle.unknown_leaf)
    read = next((one for one in view.read if one.source.id == rule.source), None)
    if read is None:
        return rule
    authority = Authority(rule.authority)
    names = tuple(sorted(read.source.enforced_names(authority))) or rule.names
    anchors = read.anchors.get(authority, ())
    if not anchors:
        return replace(rule, names=names)
    trusted = {one.fingerprint for one in anchors}
    issuers = {one.sha256: one for one in rule.issuers if one.sha256 in trusted or not _is_root(one)}
    issuers |= {key: _issuer(one) for key, one in _trusted_early(read, authority).items()}
    return replace(rule, names=names, issuers=tuple(issuers[fingerprint] for fingerprint in sorted(issuers)))


def _trusted_early(read: SourceRead, authority: Authority) -> dict[str, Certificate]:
    """The roots of the operator's file that count before their first leaf is shown (decision 0003), by SHA-256."""
    anchors = read.anchors.get(authority, ()) if authority is Authority.GENESYS else ()
    return {one.fingerprint: one for one in anchors if one.self_signed}


def _is_root(one: Issuer) -> bool:
    return any(block.certificate and block.certificate.self_signed for block in parse_bundle(one.pem.encode())[0])


def _without(rule: Rule, revoked: Collection[str]) -> Rule:
    return replace(rule, issuers=tuple(one for one in rule.issuers if one.sha256 not in revoked))


def _pin(pin: Pin, issuer_keys: Mapping[str, str], old: Identity | None) -> DoorPin:
    before = {one.sha256: one.issuer_key for one in old.pins} if old else {}
    facts = pin.certificate
    return DoorPin(
        sha256=facts.fingerprint,
        source=pin.source,
        region=pin.region,
        authority=pin.authority,
        not_before=facts.not_before,
        not_after=facts.not_after,
        until=pin.until,
        lifted=pin.approved,
        issuer_key=issuer_keys.get(facts.fingerprint) or before.get(facts.fingerprint),
    )


def _issuer(ca: Certificate) -> Issuer:
    return Issuer(sha256=ca.fingerprint, key=ca.facts.spki_sha256, pem=ca.pem)
