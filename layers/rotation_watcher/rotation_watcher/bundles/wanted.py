"""The wanted set: which CA certificates verify the accepted leaves, why each is there, and who may come through.

``compose`` verifies every accepted leaf to the anchors again, rather than trusting a verdict that was stored once. What
no longer verifies is not wanted, but it is named in ``unproven``, and while anything is unproven nothing is removed: an
anchor file overwritten by mistake must not empty a truststore.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from rotation_watcher.config import Authority, Bundle, Source
from rotation_watcher.errors import UNDECODABLE
from rotation_watcher.revocation.kept import Manifest
from rotation_watcher.revocation.points import Point
from rotation_watcher.sources.history import History, Leaf, Status
from rotation_watcher.trust.file_contents import OperatorFile
from rotation_watcher.x509.certificates import Block, Certificate
from rotation_watcher.x509.paths import NoPath, Path, find_path
from rotation_watcher.x509.selection import candidates_in_order, chain_taken


class Need(msgspec.Struct, frozen=True):
    """One accepted leaf that truststores must let in, with what was presented above it.

    ``anchors`` are the roots that may vouch for it: the operator's for its authority, and for a leaf whose chain an
    operator approved also the root that came with it. ``client_auth`` is False where an approval lifted that rule.
    ``alternatives`` are other chains that were shown above it within the grace: wanted where they lead to an anchor.
    """

    source: str
    region: str
    authority: str
    certificate: Certificate
    state: Leaf
    chain: tuple[Certificate, ...]
    anchors: tuple[Certificate, ...]
    client_auth: bool
    alternatives: tuple[tuple[Certificate, ...], ...] = ()

    @property
    def label(self) -> str:
        """What names it among the reasons for a certificate."""
        return f"{self.source}/{self.authority}/{self.certificate.fingerprint}"

    def at(self, now: datetime) -> datetime:
        """The moment at which it is verified: now, or when it becomes valid; an expired one at its last moment."""
        facts = self.certificate.facts
        return min(max(now, facts.not_before), facts.not_after)

    def paths(self, now: datetime) -> list[Path | NoPath]:
        """What becomes of each chain that was presented above it, held against the anchors."""
        return [
            find_path(
                self.certificate,
                intermediates=chain,
                anchors=self.anchors,
                at=self.at(now),
                client_auth=self.client_auth,
            )
            for chain in (self.chain, *self.alternatives)
        ]

    @property
    def presented(self) -> bool:
        """Whether Genesys presents it now."""
        return self.state.status is Status.CURRENT

    def required(self, now: datetime) -> bool:
        """Whether refusing it would break something: it is presented, or will be, and has not expired."""
        return self.state.status is not Status.RETIRING and not self.state.expired(now)


class Wanted(msgspec.Struct, frozen=True):
    """The wanted set. ``certificates`` by fingerprint; ``why`` names the leaves (or files) that need each of them.

    What is a ``Block`` stems from an ``extra`` file: a CA that ``cryptography`` refuses and engines read.
    """

    certificates: Mapping[str, Certificate | Block]
    why: Mapping[str, tuple[str, ...]]
    needs: tuple[Need, ...]
    unproven: tuple[tuple[Need, str], ...]

    def graces(self) -> dict[str, tuple[datetime, datetime]]:
        """From when to when the last grace of what wants a certificate runs, by its fingerprint.

        Without those that something wants which has no end.
        """
        records = {need.label: need.state for need in self.needs}
        found = {}
        for fingerprint, labels in self.why.items():
            wanting = [records.get(label) for label in labels]
            ending = [(one.since, one.retire_after) for one in wanting if one and one.retire_after]
            if len(ending) == len(wanting):
                found[fingerprint] = max(ending, key=lambda grace: grace[1])
        return found

    def by_approval(self) -> dict[str, tuple[str, ...]]:
        """What only approvals want: by fingerprint, the leaves that they let pass."""
        approved = {need.label: need.certificate.fingerprint for need in self.needs if need.state.lifted}
        return {
            key: tuple(sorted(approved[label] for label in labels))
            for key, labels in self.why.items()
            if labels and approved.keys() >= {*labels}
        }

    def shared_roots(self, authority: str) -> tuple[Certificate, ...]:
        """The roots that are wanted for leaves of an authority."""
        labels = {
            f"{need.source}/{need.authority}/{need.certificate.fingerprint}"
            for need in self.needs
            if need.authority == authority
        }
        return tuple(
            certificate
            for fingerprint, certificate in sorted(self.certificates.items())
            if isinstance(certificate, Certificate) and certificate.self_signed and labels & {*self.why[fingerprint]}
        )


class SourceRead(msgspec.Struct, frozen=True):
    """A source of a bundle: its entry in the watch file, its history, and the certificates of its anchors."""

    source: Source
    history: History
    anchors: Mapping[Authority, tuple[Certificate, ...]]


class BundleView(msgspec.Struct, frozen=True):
    """A bundle as it should be now. ``removal_blockers`` say in words why nothing may be removed (empty: it may).

    ``unvouched`` are leaves that nothing vouches for any more, such as those whose approval is gone, or that are
    revoked: they are pinned no longer, whatever the obstacles. ``files`` are the operator's ``extra`` files.
    ``forged``: what histories say that the watcher does not write, in words. ``former``: pinned leaves that nothing
    shows any more though their grace is not over, such as those of a source that was taken out of the bundle.
    ``grace``: how long what retires stays. ``lists``: the revocation lists in force that its certificates name;
    ``revocations`` those that decided (``bundles.revoked``), and ``revoked`` what they revoke, by fingerprint.
    ``read``: what was read of each source of the bundle.
    ``asked``: every leaf that is accepted or pinned, for who looks for their revocation lists.
    ``unpinned``: the leaves that ``pins.json`` should show and did not, or with an earlier end; by fingerprint.
    """

    bundle: Bundle
    wanted: Wanted
    removal_blockers: tuple[str, ...]
    problems: tuple[str, ...]
    unvouched: frozenset[str]
    files: tuple[OperatorFile, ...] = ()
    forged: tuple[str, ...] = ()
    revocations: Mapping[str, str] = {}
    lists: tuple[tuple[Point, Manifest], ...] = ()
    grace: timedelta = timedelta(days=30)
    former: tuple[Need, ...] = ()
    revoked: frozenset[str] = frozenset()
    read: tuple[SourceRead, ...] = ()
    asked: tuple[Need, ...] = ()
    unpinned: frozenset[str] = frozenset()

    def strangers(self, now: datetime) -> frozenset[str]:
        """The former leaves that do not verify to the operator's anchors: somebody else may have pinned them."""
        return frozenset(need.certificate.fingerprint for need, _ in compose(self.former, {}, now).unproven)

    def carried(self, now: datetime) -> Wanted:
        """What the bundle's files hold: what is wanted, and what the former leaves need that can still be proved."""
        if not self.former:
            return self.wanted
        earlier, wanted = compose(self.former, {}, now), self.wanted
        why = {key: {*labels} for key, labels in wanted.why.items()}
        for key, labels in earlier.why.items():
            why.setdefault(key, set()).update(labels)
        return Wanted(
            {**earlier.certificates, **wanted.certificates},
            {key: tuple(sorted(labels)) for key, labels in why.items()},
            (*wanted.needs, *earlier.needs),
            wanted.unproven,
        )


def proved(need: Need, now: datetime) -> bool:
    """Whether it verifies under one of its chains."""
    return any(isinstance(path, Path) for path in need.paths(now))


def compose(needs: Iterable[Need], extra: Mapping[str, Sequence[Certificate | Block]], now: datetime) -> Wanted:
    """The wanted set for some needs and the operator's extra files (file name → certificates)."""
    certificates: dict[str, Certificate | Block] = {}
    why: dict[str, set[str]] = {}
    proven, unproven = [], []
    for need in needs:
        found = need.paths(now)
        paths = [path for path in found if isinstance(path, Path)]
        if not paths:
            unproven.append((need, next(path.detail for path in found if isinstance(path, NoPath))))
            continue
        proven.append(need)
        for certificate in (one for path in paths for one in path.chain[1:]):
            certificates[certificate.fingerprint] = certificate
            why.setdefault(certificate.fingerprint, set()).add(need.label)
    for name, held in extra.items():
        for one in held:
            certificates.setdefault(one.fingerprint, one)
            why.setdefault(one.fingerprint, set()).add(name)
    sorted_why = {fingerprint: tuple(sorted(labels)) for fingerprint, labels in why.items()}
    return Wanted(certificates, sorted_why, tuple(proven), tuple(unproven))


def admits(items: Iterable[Certificate | Block], need: Need, now: datetime) -> bool:
    """Whether a truststore of these blocks, in this order, lets the leaf in, even if the client sends no chain along.

    Self-signed certificates count as anchors, the rest as intermediates: what OpenSSL does without partial chains. It
    must be let in by each engine that we know (``selection``): the strictest one decides.
    """
    return entry(items, need, now) is None


def entry(items: Iterable[Certificate | Block], need: Need, now: datetime) -> str | None:
    """Why such a truststore refuses the leaf, in words; None where it lets it in."""
    held = candidates_in_order(tuple(items))
    taken = chain_taken(need.certificate, held, at=need.at(now), client_auth=need.client_auth)
    return None if isinstance(taken, Path) else taken.detail


class _Named(msgspec.Struct, frozen=True):
    fingerprint: str


class _Entry(msgspec.Struct, frozen=True):
    certificate: _Named
    approved: tuple[str, ...] = ()


class _Manifest(msgspec.Struct, frozen=True):
    """A manifest, as far as it is read again."""

    certificates: tuple[_Entry, ...]


def manifest(bundle_id: str, wanted: Wanted) -> dict[str, Any]:
    """The content of ``manifest.json``: each certificate, the leaves or files that want it, since when, until when.

    ``until`` is null as long as anything that has no end wants the certificate. ``approved``, where only approvals want
    it: the leaves that they let pass.
    """
    approved = wanted.by_approval()
    by_label = {need.label: need.state for need in wanted.needs}
    graces = wanted.graces()
    entries = []
    for fingerprint, certificate in sorted(wanted.certificates.items()):
        records = [by_label.get(label) for label in wanted.why[fingerprint]]
        since = [record.first_seen for record in records if record]
        described = {
            "certificate": certificate.facts,
            "why": wanted.why[fingerprint],
            "since": min(since, default=None),
            "until": graces[fingerprint][1] if fingerprint in graces else None,
        }
        entries.append(described | ({"approved": approved[fingerprint]} if fingerprint in approved else {}))
    return {"format": 1, "bundle": bundle_id, "certificates": entries}


def approved_in(body: bytes) -> dict[str, tuple[str, ...]]:
    """What only approvals wanted, by a manifest that was written earlier; nothing where it cannot be read.

    It only ever takes something out that nothing vouches for now, so that its word is enough.
    """
    try:
        read = msgspec.json.decode(body, type=_Manifest)
    except UNDECODABLE:
        return {}
    return {one.certificate.fingerprint: one.approved for one in read.certificates if one.approved}
