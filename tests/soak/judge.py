"""What must be true after every step of a story, by a model of its own and by OpenSSL's verifier.

Four invariants. *Accepted*: what Genesys presents, and what it presented within the grace, gets through every target,
from the first undisturbed publish after somebody vouched for it. *Refused*: nothing is in a target, in the pins, or
gets through, that no anchor, approval or other owner accounts for. *Kept*: nothing foreign is lost. *Told*: an alert
comes once by its id, and what was seen often enough is told once.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256

from local.genesys.issuing import Identity
from local.genesys.world import AUTHORITIES
from rotation_watcher import keys
from rotation_watcher.alerts import Kind
from tests.soak.acts import AuthorityName, Goal, Source
from tests.soak.openssl import Openssl, certificates
from tests.soak.scene import ARNS, REGIONS, RETAIN, Scene

_MARGIN = timedelta(minutes=3)
"""The functions' clocks may be wrong by so much."""
CONFIRMATIONS = 2


class Breach(Exception):
    """An invariant does not hold."""


@dataclass
class Known:
    """A leaf that Genesys has presented or announced. ``visible``: when a committed look was last told of it."""

    identity: Identity
    source: Source
    authority: AuthorityName
    visible: datetime | None = None
    in_last_look: bool = False

    @property
    def issuers(self) -> tuple[str, ...]:
        """The certificate authorities above it."""
        return tuple(fingerprint(one) for one in self.identity.chain)


class _Way(NamedTuple):
    source: Source
    authority: AuthorityName


@dataclass
class _Streak:
    """How many committed looks in a row agreed."""

    current: frozenset[str] = frozenset()
    upcoming: frozenset[str] = frozenset()
    quarantined: frozenset[str] = frozenset()
    current_looks: int = 0
    upcoming_looks: int = 0
    quarantined_looks: int = 0


@dataclass
class _Tales:
    """What people must have been told in the end, and what they may have been told."""

    rotated: set[str] = field(default_factory=set)
    upcoming: set[str] = field(default_factory=set)
    quarantined: set[str] = field(default_factory=set)
    ever_current: set[str] = field(default_factory=set)
    ever_upcoming: set[str] = field(default_factory=set)
    baseline: set[str] = field(default_factory=set)


class Judge:
    """Knows what has happened, and looks at what came of it."""

    def __init__(self, scene: Scene, openssl: Openssl) -> None:
        self.scene = scene
        self.openssl = openssl
        self.known: dict[str, Known] = {}
        self.rogues: dict[str, Identity] = {}
        self.approved: set[str] = set()
        self.ever_approved: set[str] = set()
        self.suspended: set[Goal] = set()
        """Targets that somebody changed behind the watcher's back, until the next undisturbed publish."""
        self.frozen: set[Goal] = set()
        """Targets that a person rolled back and has not released."""
        self.promised: dict[Goal, set[str]] = {goal: set() for goal in ARNS}
        self.roots: dict[Goal, set[str]] = {goal: set() for goal in ARNS}
        self.rotations = 0
        self.checks = 0
        self._allowed: dict[Goal, set[str]] = {goal: set() for goal in ARNS}
        self._left: dict[Goal, set[str]] = {goal: set() for goal in ARNS}
        self._anchored: set[str] = set()
        self._presented: dict[_Way, str] = {}
        self._texts: dict[str, str] = {}
        self._issued: dict[Source, int] = {}
        self._streaks: dict[_Way, _Streak] = {}
        self._tales: dict[_Way, _Tales] = {}
        self._delivered: dict[str, bool] = {}
        self._read = 0

    # What happens

    def collected(self, source: Source) -> None:
        """A look at a source was committed; nothing went wrong in its run."""
        self.register()
        now = self.scene.clock()
        heard = self.scene.airwaves.heard.get(REGIONS[source], [])
        for authority in AUTHORITIES:
            mine = [entity for entity in heard if entity["signingAuthority"] == authority]
            told: dict[str, set[str]] = {"Current": set(), "Upcoming": set()}
            doubtful = set()
            for entity in mine:
                key = self._texts.get(entity["certificate"], "")
                if key and self._vouched(key, now):
                    told[entity["status"]].add(key)
                    if known := self.known.get(key):
                        known.visible = now
                else:
                    doubtful.add(key)
            for known in self.known.values():
                if (known.source, known.authority) == (source, authority) and told["Current"]:
                    known.in_last_look = known.identity.fingerprint in told["Current"]
            self._note(_Way(source, authority), frozenset(told["Current"]), frozenset(told["Upcoming"]), doubtful)

    def missed(self, source: Source) -> None:
        """A look of which nobody knows what was committed."""
        for authority in AUTHORITIES:
            self._streaks.pop(_Way(source, authority), None)

    def published(self, goal: Goal) -> None:
        """A publish of a target went undisturbed."""
        now = self.scene.clock()
        if goal in self.frozen:
            return
        if goal in self.suspended:
            # What somebody took out comes back only if it can still be proved.
            self.promised[goal] = {key for key in self.promised[goal] if self._vouched(key, now)}
        self.suspended.discard(goal)
        ways = {*self.ways(goal)}
        for key, known in self.known.items():
            way = _Way(known.source, known.authority)
            if way in ways and known.visible and self._vouched(key, now) and self._lives(key, now):
                self.promised[goal].add(key)
        self.roots[goal] = {
            root for way in ways if way.authority == "Genesys" for root in self._anchors(way.source, "Genesys")
        }

    def rolled_back(self, goal: Goal) -> None:
        """A person went back to an earlier version: what that lets in stays promised until it is released."""
        admitted = self._admitted(goal, [self.known[key].identity for key in self.promised[goal]])
        for way in self.ways(goal):
            leaf = self.scene.region(way.source).presented(way.authority)
            known = self.known[leaf.fingerprint]
            if leaf.fingerprint in self.promised[goal] - admitted and known.in_last_look and self._is_valid(leaf):
                raise Breach(f"the rollback of {goal} refuses the current leaf of {way.source} {way.authority}")
        self.promised[goal] &= admitted
        self.roots[goal] &= self._held(goal)
        self.frozen.add(goal)

    def left(self, goal: Goal, fingerprints: set[str]) -> None:
        """Somebody took these foreign ones away; an earlier version may bring them back."""
        self._left[goal] |= fingerprints

    def withdraw(self, key: str) -> None:
        """An approval is gone."""
        self.approved.discard(key)
        for promised in self.promised.values():
            promised.discard(key)

    # What must be true

    def register(self) -> None:
        """Take note of what Genesys presents and announces now, and of the anchors."""
        for source in self.scene.sources:
            region = self.scene.region(source)
            for authority in AUTHORITIES:
                way = _Way(source, authority)
                presented = region.presented(authority)
                self.rotations += self._presented.get(way, presented.fingerprint) != presented.fingerprint
                self._presented[way] = presented.fingerprint
                self._tales.setdefault(way, _Tales()).ever_current.add(presented.fingerprint)
                self._anchored |= self._anchors(source, authority)
            for authority, leaf in region.issued[self._issued.get(source, 0) :]:
                self.known[leaf.fingerprint] = Known(leaf, source, authority)
                self._texts[region.texts[authority].write(leaf)] = leaf.fingerprint
                # Who is announced and presented in one moment is still upcoming in the old answers of a flapping API.
                self._tales[_Way(source, authority)].ever_upcoming.add(leaf.fingerprint)
            self._issued[source] = len(region.issued)
        for goal in ARNS:
            ways = {*self.ways(goal)}
            for way in ways:
                if way.authority == "Genesys":
                    self._allowed[goal] |= self._anchors(way.source, "Genesys")
            for known in self.known.values():
                anchored = known.issuers[-1] in self._anchors(known.source, known.authority)  # expired or not
                if anchored and _Way(known.source, known.authority) in ways:
                    self._allowed[goal] |= {*known.issuers}

    def add_rogue(self, identity: Identity, text: str) -> None:
        """The API tells of a leaf that nobody vouches for."""
        self.rogues[identity.fingerprint] = identity
        self._texts[text] = identity.fingerprint

    def approve(self, key: str, authority: AuthorityName) -> None:
        """A person vouches for one leaf; its authorities may come along."""
        self.approved.add(key)
        self.ever_approved.add(key)
        for goal in ARNS:
            if authority in self.scene.authorities[goal]:
                self._allowed[goal] |= {fingerprint(one) for one in self.rogues[key].chain}

    def check(self) -> None:
        """Look at everything. Raises Breach."""
        self.register()
        self.checks += 1
        self._once()
        for goal in ARNS:
            bundle = self.scene.live(goal)
            if bundle is None:
                if goal not in self.suspended:
                    raise Breach(f"{goal} has no truststore any more")
                continue
            self._check_contents(goal)
            self._check_doors(goal)
            self._check_pins(goal)

    def check_end(self) -> None:
        """Everything is quiet and every grace is over: what is there is exactly what is needed. Raises Breach."""
        for goal in ARNS:
            needed = {*self.scene.foreign[goal]}
            for way in self.ways(goal):
                if way.authority == "Genesys":
                    needed |= self._anchors(way.source, "Genesys")
                    continue
                region = self.scene.region(way.source)
                for leaf in (region.presented("DigiCert"), region.upcoming("DigiCert")):
                    needed |= {fingerprint(one) for one in leaf.chain} if leaf else set()
            held = self._held(goal)
            lacks, beyond = needed - held, held - needed - self._left[goal]
            if lacks or beyond:
                raise Breach(f"in the end {goal} lacks {_short(lacks)} and holds {_short(beyond)} beyond need")
        self._check_tales()

    def ways(self, goal: Goal) -> Iterator[_Way]:
        """Whose leaves a target is there for."""
        for source in self.scene.sources:
            for authority in self.scene.authorities[goal]:
                yield _Way(source, authority)

    def _check_contents(self, goal: Goal) -> None:
        held = self._held(goal)
        if lost := self.scene.foreign[goal] - held:
            raise Breach(f"{goal} lost the foreign certificate {_short(lost)}")
        if strange := held - self.scene.foreign[goal] - self._left[goal] - self._allowed[goal]:
            raise Breach(f"{goal} holds {_short(strange)}, which nobody vouched for")

    def _check_doors(self, goal: Goal) -> None:
        now = self.scene.clock()
        self.promised[goal] = {key for key in self.promised[goal] if self._holds(goal, key, now)}
        presented = {way: self.scene.region(way.source).presented(way.authority) for way in self.ways(goal)}
        promised = {key: self.known[key] for key in self.promised[goal] if self._is_valid(self.known[key].identity)}
        issuers = {known.issuers for known in promised.values()}
        issuers |= {(root,) for root in self.roots[goal] & self._anchors_of(goal)}
        must = {key: f"{known.source} {known.authority}" for key, known in promised.items()}
        must |= {
            leaf.fingerprint: f"{way.source} {way.authority}, presented now,"
            for way, leaf in presented.items()
            if tuple(fingerprint(one) for one in leaf.chain) in issuers and self._is_valid(leaf)
        }
        must_not = {key: leaf for key, leaf in self.rogues.items() if self._is_forged(key)}
        for known in self.known.values():
            if not {*known.issuers} & (self._anchored | self.scene.foreign[goal]):
                must_not[known.identity.fingerprint] = known.identity
        leaves = [self.known[key].identity for key in must] + [*must_not.values()]
        admitted = self._admitted(goal, leaves)
        if goal not in self.suspended:
            for key, words in must.items():
                if key not in admitted:
                    raise Breach(f"{goal} refuses the leaf {key[:8]} of {words}")
        if wrong := {*must_not} & admitted:
            raise Breach(f"{goal} lets in {_short(wrong)}, which nobody vouched for")

    def _check_pins(self, goal: Goal) -> None:
        if not self.scene.store.versions.get(keys.pins(goal)):
            return
        pins = msgspec.json.decode(self.scene.store.body(keys.pins(goal)))["pins"]
        pinned = {pin["certificate"]["fingerprint"] for pin in pins}
        if strange := pinned - {*self.known} - self.ever_approved:
            raise Breach(f"the pins of {goal} hold {_short(strange)}, which nobody vouched for")
        unvouched = {key for key in pinned & {*self.known} if not {*self.known[key].issuers} & self._anchored}
        if unvouched:
            raise Breach(f"the pins of {goal} hold {_short(unvouched)}, whose root nobody anchored")

    def check_dismissed(self) -> None:
        """After undisturbed looks and publishes: an approval that was withdrawn pins nothing. Raises Breach."""
        for goal in ARNS:
            if goal not in self.frozen and self.scene.store.versions.get(keys.pins(goal)):
                pins = msgspec.json.decode(self.scene.store.body(keys.pins(goal)))["pins"]
                left = {pin["certificate"]["fingerprint"] for pin in pins} & (self.ever_approved - self.approved)
                if left:
                    raise Breach(f"the pins of {goal} hold {_short(left)}, whose approval was withdrawn")

    def hear_again(self) -> None:
        """Take the mailbox as it is now for all that was ever told."""
        self._read = 0
        self._delivered.clear()

    def _once(self) -> None:
        """Alerts come once by id, unless something went wrong in the run that delivered them before."""
        for told in self.scene.mailbox.told[self._read :]:
            excused = self._delivered.get(told.alert.id)
            if excused is False:
                raise Breach(f"the alert {told.alert.id} came twice")
            # Who was dismissed and is approved again is news again, under the same id.
            again = told.alert.id.rpartition(":")[2] in self.ever_approved
            self._delivered[told.alert.id] = told.excused or again
        self._read = len(self.scene.mailbox.told)

    def _check_tales(self) -> None:
        told = [alert.split(":", 2) for alert in self._delivered]
        by_kind: dict[tuple[str, str], list[str]] = {}
        for kind, subject, distinction in told:
            by_kind.setdefault((kind, subject), []).append(distinction)
        for way, tales in self._tales.items():
            for kind, must, may in (
                (Kind.ROTATED, tales.rotated, tales.ever_current),
                (Kind.UPCOMING_PUBLISHED, tales.upcoming, tales.ever_upcoming),
                (Kind.QUARANTINED, tales.quarantined, None),
            ):
                said = [one for one in by_kind.get((kind, way.source), []) if one.startswith(f"{way.authority}:")]
                heads = [one.split(":")[1] for one in said]
                if missing := must - {*heads}:
                    raise Breach(f"nobody was told {kind} of {_short(missing)} ({way.source} {way.authority})")
                if may is None:
                    continue
                if strange := {*heads} - may - self.ever_approved:
                    raise Breach(f"people were told {kind} of {_short(strange)}, which never was")
                if len(heads) != len({*heads}):
                    raise Breach(f"people were told {kind} of one leaf twice: {sorted(said)}")
        for source in self.scene.sources:
            failing = {*by_kind.get((Kind.SOURCE_FAILING, source), [])}
            recovered = {*by_kind.get((Kind.SOURCE_RECOVERED, source), [])}
            if len(failing) != len(recovered):
                raise Breach(f"{source} failed {sorted(failing)} and recovered {sorted(recovered)}")

    def _note(self, way: _Way, current: frozenset[str], upcoming: frozenset[str], doubtful: set[str]) -> None:
        tales = self._tales[way]
        streak = self._streaks.setdefault(way, _Streak())
        if not tales.baseline:
            tales.baseline = {*current}
        same = current == streak.current
        streak.current_looks = streak.current_looks + 1 if same else 1
        streak.upcoming_looks = streak.upcoming_looks + 1 if same and upcoming == streak.upcoming else 1
        named = frozenset(doubtful - {""}) if self._anchors(way.source, way.authority) else frozenset()
        streak.quarantined_looks = streak.quarantined_looks + 1 if named == streak.quarantined else 1
        streak.current, streak.upcoming, streak.quarantined = current, upcoming, named
        if current and streak.current_looks >= CONFIRMATIONS:
            tales.rotated |= current - tales.baseline
        if current and streak.upcoming_looks >= CONFIRMATIONS:
            tales.upcoming |= upcoming - current - tales.ever_current
        if streak.quarantined_looks >= CONFIRMATIONS:
            tales.quarantined |= {key for key in named if key in self.rogues or self._is_unanchored(key)}

    def _is_unanchored(self, key: str) -> bool:
        return key in self.known and not {*self.known[key].issuers} & self._anchored

    def _is_forged(self, key: str) -> bool:
        """Whether even a truststore, which knows no names, must turn it away."""
        roots = {fingerprint(one) for one in self.rogues[key].chain}
        return key not in self.ever_approved and not roots & self._anchored

    def _holds(self, goal: Goal, key: str, now: datetime) -> bool:
        """Whether a promise is still in force."""
        known = self.known[key]
        if _Way(known.source, known.authority) not in {*self.ways(goal)}:
            return False
        return self._lives(key, now)

    def _lives(self, key: str, now: datetime) -> bool:
        """Whether it was seen within the grace, or is still presented as the last look had it."""
        known = self.known[key]
        if known.visible is not None and now < known.visible + RETAIN - _MARGIN:
            return True
        presented = self.scene.region(known.source).presented(known.authority).fingerprint == key
        return presented and known.in_last_look and self._vouched(key, now)

    def _vouched(self, key: str, now: datetime) -> bool:
        if key in self.approved:
            return True
        known = self.known.get(key)
        if known is None or not self._is_valid(known.identity):
            return False
        return known.issuers[-1] in self._anchors(known.source, known.authority) and now is not None

    def _anchors(self, source: Source, authority: AuthorityName) -> set[str]:
        held = self.scene.store.versions.get(self.scene.anchors_key(source, authority))
        return {fingerprint(one) for one in certificates(held[-1].body)} if held else set()

    def _anchors_of(self, goal: Goal) -> set[str]:
        return {root for way in self.ways(goal) for root in self._anchors(way.source, way.authority)}

    def _is_valid(self, leaf: Identity) -> bool:
        certificate, now = leaf.certificate, self.scene.clock()
        return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc

    def _held(self, goal: Goal) -> set[str]:
        return (
            {fingerprint(one) for one in certificates(self.scene.live(goal) or b"")} if self.scene.live(goal) else set()
        )

    def _admitted(self, goal: Goal, leaves: list[Identity]) -> frozenset[str]:
        return self.openssl.admitted(self.scene.live(goal) or b"", leaves, self.scene.clock())


_fingerprints: dict[int, tuple[object, str]] = {}


def fingerprint(certificate: object) -> str:
    """SHA-256 of a certificate's DER, remembered: hashing is most of what a check does otherwise."""
    found = _fingerprints.get(id(certificate))
    if found is None or found[0] is not certificate:
        found = (certificate, certificate.fingerprint(SHA256()).hex())  # type: ignore[attr-defined]  # a certificate
        if len(_fingerprints) > 20_000:
            _fingerprints.clear()
        _fingerprints[id(certificate)] = found
    return found[1]


def _short(fingerprints: set[str] | frozenset[str]) -> str:
    return ", ".join(sorted(key[:8] for key in fingerprints)) or "nothing"
