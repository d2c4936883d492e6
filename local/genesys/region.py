"""One region of the simulated Genesys Cloud: its two signing authorities over time.

It knows two things about any instant: what Genesys would present in a handshake, and what the certificates endpoint
would show; and it takes the script of what shall happen.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from threading import RLock
from typing import Any, Literal, Protocol, assert_never

from local.genesys.issuing import Identity
from local.genesys.keys import KeyStore
from local.genesys.pki import Issuer, PrivateRoot, PublicHierarchy, StrangerKind, stranger
from local.genesys.texts import DIGICERT_STYLE, GENESYS_STYLE, TextStyle
from local.genesys.timeline import (
    ANNOUNCED_BELOW,
    Event,
    FlapShape,
    Hold,
    Issuers,
    Renewed,
    Rotation,
    Timeline,
    Withdrawal,
)

type Authority = Literal["Genesys", "DigiCert"]

AUTHORITIES: tuple[Authority, ...] = ("DigiCert", "Genesys")
"""In the order in which the article's sample answer lists them."""

LEAF_LIFE = timedelta(days=365)
_LEAF_KEYS = 8
"""Leaf keys come round after so many renewals: neighbours always differ, and ten thousand rotations stay cheap."""


class Surroundings(Protocol):
    """What a region needs of its world."""

    clock: Callable[[], datetime]
    keys: KeyStore
    epoch: datetime
    root_key_bits: int
    crl_base: str
    backdate: timedelta

    def hierarchy(self, issuers: Issuers | None = None) -> PublicHierarchy:
        """Return the public authority of these generations."""
        ...


def leaf_key_purpose(aws_region: str, authority: Authority, number: int) -> str:
    """Under which name the key of a region's n-th leaf is kept."""
    return f"{aws_region}/{authority.lower()}-leaf-{number % _LEAF_KEYS}"


class Region:
    """One region of a world. Made by ``World.region``."""

    def __init__(
        self, world: Surroundings, aws_region: str, client_name: str, days_left: Mapping[Authority, float]
    ) -> None:
        self.world = world
        self.aws_region = aws_region
        self.client_name = client_name
        self.api_prefix = f"/{aws_region}"
        self.texts: dict[Authority, TextStyle] = {"DigiCert": DIGICERT_STYLE, "Genesys": GENESYS_STYLE}
        self.extra_entities: list[dict[str, Any]] = []
        """Entities that are shown besides the region's own, such as a stranger's."""
        self.issued: list[tuple[Authority, Identity]] = []
        """Every leaf that there ever was, presented or announced, in the order of issue."""
        self._lock = RLock()
        self._roots: dict[int, PrivateRoot] = {}
        self._highest: dict[Authority, Issuers] = dict.fromkeys(AUTHORITIES, Issuers())
        now = world.clock()
        self._timelines = {each: self._start(each, now, timedelta(days=days_left[each])) for each in AUTHORITIES}

    # What is

    def presented(self, authority: Authority) -> Identity:
        """Return what Genesys would present in a handshake now."""
        with self._lock:
            return self._timeline(authority).current

    def upcoming(self, authority: Authority) -> Identity | None:
        """Return what is announced now, if anything."""
        with self._lock:
            return self._timeline(authority).upcoming

    def published(self, *, turn: int = 1) -> list[dict[str, Any]]:
        """Return the entities that the endpoint shows now, DigiCert's first.

        ``turn`` counts the answers: while a rotation flaps, even turns give the disturbed view, odd ones the true view.
        """
        with self._lock:
            now = self.world.clock()
            shown = [
                self.entity(identity, authority, status)
                for authority in AUTHORITIES
                for identity, status in self._timeline(authority).view(now, turn)
            ]
            return shown + self.extra_entities

    def entity(self, identity: Identity, authority: Authority, status: str = "Current") -> dict[str, Any]:
        """Return any identity as the endpoint would show it, in the text style of that authority."""
        text = self.texts[authority].write(identity)
        return {"signingAuthority": authority, "certificate": text, "status": status, "type": "Client"}

    def issuer(self, authority: Authority) -> Issuer:
        """Return who signed the leaf that is presented now."""
        with self._lock:
            return self._issuer(authority, self._timeline(authority).issuers)

    def root_pem(self, *, ahead: int = 0) -> str:
        """Return the private root that an operator would upload as ``anchors/<region>.pem``.

        ``ahead`` 1 gives the root that the next rotation with ``root="new"`` will use.
        """
        with self._lock:
            return self._private_root(self._timeline("Genesys").issuers.root + ahead).root.pem()

    def all_roots_pem(self) -> str:
        """Return every private root that has signed a leaf of this region up to now, oldest first."""
        with self._lock:
            highest = self._timeline("Genesys").issuers.root
            return "".join(self._private_root(each).root.pem() for each in range(1, highest + 1))

    def digicert_root_pem(self, *, ahead: int = 0) -> str:
        """Return the public root above the DigiCert leaf that is presented now; ``ahead`` 1: of the next new root."""
        with self._lock:
            return self.world.hierarchy(Issuers(self._timeline("DigiCert").issuers.root + ahead)).root.pem()

    def all_digicert_roots_pem(self) -> str:
        """Return every public root that this region's leaves, presented or announced, have had, oldest first."""
        with self._lock:
            self._timeline("DigiCert")
            highest = self._highest["DigiCert"].root
            return "".join(self.world.hierarchy(Issuers(each)).root.pem() for each in range(1, highest + 1))

    def private_roots(self) -> list[PrivateRoot]:
        """Return every private root that was made for this region."""
        with self._lock:
            return [root for _, root in sorted(self._roots.items())]

    def stranger(self, kind: StrangerKind, authority: Authority = "Genesys") -> Identity:
        """Return an identity that resembles the one presented now, and must be turned away; see ``pki.stranger``."""
        return stranger(kind, self.issuer(authority), self.client_name, self.world.keys, self.world.clock())

    # What will be

    def schedule_rotation(
        self,
        authority: Authority,
        at: datetime | None = None,
        *,
        flapping: timedelta = timedelta(0),
        shape: FlapShape = "alternating",
        intermediate: Renewed = "same",
        root: Renewed = "same",
        announce: timedelta = ANNOUNCED_BELOW,
    ) -> None:
        """Let the leaf be replaced at this time (None: now), instead of when it is due.

        DigiCert's next leaf is announced ``announce`` before, or when the current one has under 90 days left,
        whichever comes first; the Genesys authority never announces. For ``flapping`` after the rotation the answers
        are disturbed in this ``shape``. A rotation that changes the issuer after the next leaf was announced under
        the old one drops the announced leaf.

        Raises ValueError for a time before the clock's now, or a new intermediate of an authority that has none.
        """
        if authority == "Genesys" and intermediate == "new":
            raise ValueError("the Genesys authority has no intermediate")
        self._schedule(authority, at, lambda when: Rotation(when, flapping, shape, intermediate, root, announce))

    def schedule_emergency(
        self,
        authority: Authority,
        at: datetime | None = None,
        *,
        flapping: timedelta = timedelta(0),
        shape: FlapShape = "alternating",
        root: Renewed = "same",
    ) -> None:
        """Let the leaf be replaced at this time by one that was never announced; an announced one is dropped."""
        self._schedule(authority, at, lambda when: Rotation(when, flapping, shape, root=root, announce=None))

    def schedule_withdrawal(self, at: datetime | None = None, *, again: timedelta | None = None) -> None:
        """Let DigiCert's upcoming leaf disappear; another is announced ``again`` later, or none before the rotation."""
        self._schedule("DigiCert", at, lambda when: Withdrawal(when, again))

    def schedule_hold(self, authority: Authority, at: datetime | None = None) -> None:
        """Let nothing be renewed when it is due, from this time on, so that a leaf can expire in use."""
        self._schedule(authority, at, Hold)

    # How it is made

    def _schedule(self, authority: Authority, at: datetime | None, event: Callable[[datetime], Event]) -> None:
        with self._lock:
            timeline = self._timeline(authority)
            timeline.schedule(event(at or timeline.since))

    def _timeline(self, authority: Authority) -> Timeline:
        timeline = self._timelines[authority]
        timeline.advance(self.world.clock())
        return timeline

    def _start(self, authority: Authority, now: datetime, left: timedelta) -> Timeline:
        first = self._leaf(authority, 1, Issuers(), now + left - LEAF_LIFE, now + left)

        def renew(number: int, issuers: Issuers, at: datetime) -> Identity:
            return self._leaf(authority, number, issuers, at - self.world.backdate, at + LEAF_LIFE)

        return Timeline(first, now, renew, announces=authority == "DigiCert")

    def _leaf(
        self, authority: Authority, number: int, issuers: Issuers, not_before: datetime, not_after: datetime
    ) -> Identity:
        self._highest[authority] = max(self._highest[authority], issuers, key=lambda each: each.root)
        key = self.world.keys.rsa(leaf_key_purpose(self.aws_region, authority, number))
        leaf = self._issuer(authority, issuers).leaf(self.client_name, key, not_before, not_after)
        self.issued.append((authority, leaf))
        return leaf

    def _issuer(self, authority: Authority, issuers: Issuers) -> Issuer:
        match authority:
            case "Genesys":
                return self._private_root(issuers.root)
            case "DigiCert":
                return self.world.hierarchy(issuers)
            case _:
                assert_never(authority)

    def _private_root(self, generation: int) -> PrivateRoot:
        if generation not in self._roots:
            self._roots[generation] = PrivateRoot.make(
                self.world.keys,
                self.aws_region,
                self.world.epoch,
                generation=generation,
                bits=self.world.root_key_bits,
                crl_base=self.world.crl_base,
            )
        return self._roots[generation]
