"""What must be true after every step of a script, by a model of its own and by OpenSSL's verifier.

Four invariants. *Accepted*: what Genesys presents, and what it presented within the grace, gets through every target,
from the first undisturbed publish after somebody vouched for it. *Refused*: nothing is in a target, in the pins, or
gets through, that no anchor, approval or other owner accounts for. *Kept*: nothing foreign is lost. *Told*: an alert
comes once by its id, and what was seen often enough is told once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from local.genesys.issuing import Identity
from local.genesys.world import AUTHORITIES
from rotation_watcher import keys
from tests.soak.acts import AuthorityName, Goal, Source
from tests.soak.breach import Breach, Way, fingerprint, short
from tests.soak.environment import ARNS, REGIONS, RETAIN, SoakEnvironment
from tests.soak.hearing import Hearing
from tests.soak.openssl import Openssl, certificates

_MARGIN = timedelta(minutes=3)
"""The functions' clocks may be wrong by so much."""


@dataclass
class Known:
    """A leaf that Genesys has presented or announced. ``visible``: when a committed run was last shown it."""

    identity: Identity
    source: Source
    authority: AuthorityName
    visible: datetime | None = None
    in_last_look: bool = False

    @property
    def issuers(self) -> tuple[str, ...]:
        """The certificate authorities above it."""
        return tuple(fingerprint(one) for one in self.identity.chain)


class Judge:
    """Knows what has happened, and checks what came of it."""

    def __init__(self, environment: SoakEnvironment, openssl: Openssl) -> None:
        self.environment = environment
        self.openssl = openssl
        self.hearing = Hearing(environment.mailbox)
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
        self._presented: dict[Way, str] = {}
        self._texts: dict[str, str] = {}
        self._issued: dict[Source, int] = {}

    # What happens

    def collected(self, source: Source) -> None:
        """A run for a source was committed; nothing went wrong in its run."""
        self.register()
        now = self.environment.clock()
        heard = self.environment.transport.heard.get(REGIONS[source], [])
        for authority in AUTHORITIES:
            mine = [entity for entity in heard if entity["signingAuthority"] == authority]
            told: dict[str, set[str]] = {"Current": set(), "Upcoming": set()}
            doubtful = set()
            for entity in mine:
                key = self._texts.get(entity["certificate"], "")
                if key and self._vouched(key):
                    told[entity["status"]].add(key)
                    if known := self.known.get(key):
                        known.visible = now
                else:
                    doubtful.add(key)
            for known in self.known.values():
                if (known.source, known.authority) == (source, authority) and told["Current"]:
                    known.in_last_look = known.identity.fingerprint in told["Current"]
            anchored = bool(self._anchors(source, authority))  # or else one alert about the anchor says it all
            refused = {key for key in doubtful if anchored and (key in self.rogues or self._is_unanchored(key))}
            seen = [frozenset(each) for each in (told["Current"], told["Upcoming"], refused)]
            if any(key in self.known and not self._is_valid(self.known[key].identity) for key in doubtful):
                self.hearing.missed(Way(source, authority))  # an expired leaf among them: no other run need agree
            else:
                self.hearing.note(Way(source, authority), *seen)

    def missed(self, source: Source) -> None:
        """A run of which nobody knows what was committed."""
        for authority in AUTHORITIES:
            self.hearing.missed(Way(source, authority))

    def published(self, goal: Goal) -> None:
        """A publish of a target went undisturbed."""
        if goal in self.frozen:
            return
        if goal in self.suspended:
            # What somebody took out comes back only if it can still be proved.
            self.promised[goal] = {key for key in self.promised[goal] if self._vouched(key)}
        self.suspended.discard(goal)
        ways = {*self.ways(goal)}
        for key, known in self.known.items():
            way = Way(known.source, known.authority)
            if way in ways and known.visible and self._vouched(key) and self._lives(key):
                self.promised[goal].add(key)
        self.roots[goal] = {
            root for way in ways if way.authority == "Genesys" for root in self._anchors(way.source, "Genesys")
        }

    def rolled_back(self, goal: Goal) -> None:
        """A person went back to an earlier version: what that lets in stays promised until it is released."""
        admitted = self._admitted(goal, [self.known[key].identity for key in self.promised[goal]])
        for way in self.ways(goal):
            leaf = self.environment.region(way.source).presented(way.authority)
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
        for source in self.environment.sources:
            region = self.environment.region(source)
            for authority in AUTHORITIES:
                way = Way(source, authority)
                presented = region.presented(authority)
                self.rotations += self._presented.get(way, presented.fingerprint) != presented.fingerprint
                self._presented[way] = presented.fingerprint
                self.hearing.presented(way, presented.fingerprint)
                self._anchored |= self._anchors(source, authority)
            for authority, leaf in region.issued[self._issued.get(source, 0) :]:
                self.known[leaf.fingerprint] = Known(leaf, source, authority)
                self._texts[region.texts[authority].write(leaf)] = leaf.fingerprint
                self.hearing.issued(Way(source, authority), leaf.fingerprint)
            self._issued[source] = len(region.issued)
        for goal in ARNS:
            ways = {*self.ways(goal)}
            for way in ways:
                if way.authority == "Genesys":
                    self._allowed[goal] |= self._anchors(way.source, "Genesys")
            for known in self.known.values():
                anchored = known.issuers[-1] in self._anchors(known.source, known.authority)  # expired or not
                if anchored and Way(known.source, known.authority) in ways:
                    self._allowed[goal] |= {*known.issuers}

    def add_rogue(self, identity: Identity, text: str) -> None:
        """The API shows a leaf that nobody vouches for."""
        self.rogues[identity.fingerprint] = identity
        self._texts[text] = identity.fingerprint

    def approve(self, key: str, authority: AuthorityName) -> None:
        """A person vouches for one leaf; its authorities may come along."""
        self.approved.add(key)
        self.ever_approved.add(key)
        self.hearing.again.add(key)
        for goal in ARNS:
            if authority in self.environment.authorities[goal]:
                self._allowed[goal] |= {fingerprint(one) for one in self.rogues[key].chain}

    def check(self) -> None:
        """Check everything. Raises Breach."""
        self.register()
        self.checks += 1
        self.hearing.check()
        for goal in ARNS:
            bundle = self.environment.live(goal)
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
            needed = {*self.environment.foreign[goal]}
            for way in self.ways(goal):
                if way.authority == "Genesys":
                    needed |= self._anchors(way.source, "Genesys")
                    continue
                region = self.environment.region(way.source)
                for leaf in (region.presented("DigiCert"), region.upcoming("DigiCert")):
                    needed |= {fingerprint(one) for one in leaf.chain} if leaf else set()
            held = self._held(goal)
            lacks, beyond = needed - held, held - needed - self._left[goal]
            if lacks or beyond:
                raise Breach(f"in the end {goal} lacks {short(lacks)} and holds {short(beyond)} beyond need")
        self.hearing.check_end()

    def ways(self, goal: Goal) -> Iterator[Way]:
        """Whose leaves a target is there for."""
        for source in self.environment.sources:
            for authority in self.environment.authorities[goal]:
                yield Way(source, authority)

    def _check_contents(self, goal: Goal) -> None:
        held = self._held(goal)
        if lost := self.environment.foreign[goal] - held:
            raise Breach(f"{goal} lost the foreign certificate {short(lost)}")
        if strange := held - self.environment.foreign[goal] - self._left[goal] - self._allowed[goal]:
            raise Breach(f"{goal} holds {short(strange)}, which nobody vouched for")

    def _check_doors(self, goal: Goal) -> None:
        self.promised[goal] = {key for key in self.promised[goal] if self._holds(goal, key)}
        presented = {way: self.environment.region(way.source).presented(way.authority) for way in self.ways(goal)}
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
            if not {*known.issuers} & (self._anchored | self.environment.foreign[goal]):
                must_not[known.identity.fingerprint] = known.identity
        leaves = [self.known[key].identity for key in must] + [*must_not.values()]
        admitted = self._admitted(goal, leaves)
        if goal not in self.suspended:
            for key, words in must.items():
                if key not in admitted:
                    raise Breach(f"{goal} refuses the leaf {key[:8]} of {words}")
        if wrong := {*must_not} & admitted:
            raise Breach(f"{goal} lets in {short(wrong)}, which nobody vouched for")

    def _check_pins(self, goal: Goal) -> None:
        pinned = self._pinned(goal)
        if strange := pinned - {*self.known} - self.ever_approved:
            raise Breach(f"the pins of {goal} hold {short(strange)}, which nobody vouched for")
        unvouched = {key for key in pinned & {*self.known} if not {*self.known[key].issuers} & self._anchored}
        if unvouched:
            raise Breach(f"the pins of {goal} hold {short(unvouched)}, whose root nobody anchored")

    def check_dismissed(self) -> None:
        """After undisturbed runs of both functions: an approval that was withdrawn pins nothing. Raises Breach."""
        for goal in ARNS:
            left = self._pinned(goal) & (self.ever_approved - self.approved)
            if left and goal not in self.frozen:
                raise Breach(f"the pins of {goal} hold {short(left)}, whose approval was withdrawn")

    def _pinned(self, goal: Goal) -> set[str]:
        if not self.environment.store.versions.get(keys.pins(goal)):
            return set()
        pins = msgspec.json.decode(self.environment.store.body(keys.pins(goal)))["pins"]
        return {pin["certificate"]["fingerprint"] for pin in pins}

    def _is_unanchored(self, key: str) -> bool:
        return key in self.known and not {*self.known[key].issuers} & self._anchored

    def _is_forged(self, key: str) -> bool:
        """Whether even a truststore, which knows no names, must turn it away."""
        roots = {fingerprint(one) for one in self.rogues[key].chain}
        return key not in self.ever_approved and not roots & self._anchored

    def _holds(self, goal: Goal, key: str) -> bool:
        """Whether a promise is still in force."""
        known = self.known[key]
        if Way(known.source, known.authority) not in {*self.ways(goal)}:
            return False
        return self._lives(key)

    def _lives(self, key: str) -> bool:
        """Whether it was seen within the grace, or is still presented as the last run had it."""
        known = self.known[key]
        if known.visible is not None and self.environment.clock() < known.visible + RETAIN - _MARGIN:
            return True
        presented = self.environment.region(known.source).presented(known.authority).fingerprint == key
        return presented and known.in_last_look and self._vouched(key)

    def _vouched(self, key: str) -> bool:
        if key in self.approved:
            return True
        known = self.known.get(key)
        if known is None or not self._is_valid(known.identity):
            return False
        return known.issuers[-1] in self._anchors(known.source, known.authority)

    def _anchors(self, source: Source, authority: AuthorityName) -> set[str]:
        held = self.environment.store.versions.get(self.environment.anchors_key(source, authority))
        return {fingerprint(one) for one in certificates(held[-1].body)} if held else set()

    def _anchors_of(self, goal: Goal) -> set[str]:
        return {root for way in self.ways(goal) for root in self._anchors(way.source, way.authority)}

    def _is_valid(self, leaf: Identity) -> bool:
        certificate, now = leaf.certificate, self.environment.clock()
        return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc

    def _held(self, goal: Goal) -> set[str]:
        bundle = self.environment.live(goal)
        return {fingerprint(one) for one in certificates(bundle)} if bundle else set()

    def _admitted(self, goal: Goal, leaves: list[Identity]) -> frozenset[str]:
        return self.openssl.admitted(self.environment.live(goal) or b"", leaves, self.environment.clock())
