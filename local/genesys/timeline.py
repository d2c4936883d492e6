"""What one signing authority of one region does over time: announce, rotate, flap, withdraw.

A small state machine over virtual time. It is moved to an instant, plays everything that falls due up to then in the
order of time, and never looks back: what has happened stays, so a script may be extended while the script runs.

Where Genesys is silent the choice is ours, and each is a constant or an argument: that a leaf is replaced 30 days
before it expires, and that the answers of a rotation alternate between the old and the new view (the SDK only says
that the endpoint "will return inconsistent results while a certificate rotation is in progress").
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from local.genesys.pki import Identity

ANNOUNCED_BELOW = timedelta(days=90)
REPLACED_BEFORE_EXPIRY = timedelta(days=30)

type Renewed = Literal["same", "new"]
type FlapShape = Literal["alternating", "empty", "missing-current", "doubled"]
type Status = Literal["Current", "Upcoming"]
type View = tuple[tuple[Identity, Status], ...]


@dataclass(frozen=True)
class Issuers:
    """Which root and which intermediate sign: generations, counted from 1."""

    root: int = 1
    intermediate: int = 1

    def after(self, rotation: "Rotation | None") -> "Issuers":
        """Return what signs once this rotation is done. A new root brings a new intermediate along."""
        if rotation is None:
            return self
        if rotation.root == "new":
            return Issuers(self.root + 1, 1)
        return Issuers(self.root, self.intermediate + (rotation.intermediate == "new"))


@dataclass(frozen=True)
class Rotation:
    """The current leaf is replaced. ``announce`` None: an emergency, nothing upcoming is shown or used for it."""

    at: datetime
    flapping: timedelta = timedelta(0)
    shape: FlapShape = "alternating"
    intermediate: Renewed = "same"
    root: Renewed = "same"
    announce: timedelta | None = ANNOUNCED_BELOW


@dataclass(frozen=True)
class Withdrawal:
    """The upcoming leaf disappears; another is announced after ``again``, or never before the next rotation."""

    at: datetime
    again: timedelta | None = None


@dataclass(frozen=True)
class Hold:
    """From here on nothing is renewed when it is due: only scheduled rotations happen."""

    at: datetime


type Event = Rotation | Withdrawal | Hold


@dataclass
class Timeline:
    """One authority's leaves. ``issue(number, issuers, at)`` makes the leaf with that running number.

    ``since`` is how far the script has been played.
    """

    current: Identity
    current_since: datetime
    issue: Callable[[int, Issuers, datetime], Identity]
    announces: bool
    since: datetime = field(init=False)
    number: int = 1
    issuers: Issuers = Issuers()
    upcoming: Identity | None = None
    upcoming_issuers: Issuers = Issuers()
    script: list[Event] = field(default_factory=list)
    held: bool = False
    silent_until: datetime | None = None
    silent: bool = False
    old_view: View = ()
    flapping_until: datetime | None = None
    shape: FlapShape = "alternating"

    def __post_init__(self) -> None:
        self.since = self.current_since

    def schedule(self, event: Event) -> None:
        """Add an event. Raises ValueError when it lies before what has already been played."""
        if event.at < self.since:
            raise ValueError(f"{event.at} is past: the script has already come to {self.since}")
        self.script.append(event)
        self.script.sort(key=lambda each: each.at)  # stable: equal times stay in the order given

    def advance(self, now: datetime) -> None:
        """Play everything that falls due up to and including ``now``."""
        while (due := self._next()) and due[0] <= now:
            at, play = due
            play(max(at, self.since))
            self.since = max(at, self.since)
        self.since = max(now, self.since)

    def view(self, now: datetime, turn: int) -> View:
        """Return what an answer shows at ``now``. While it flaps, even turns give the disturbed view."""
        if self.flapping_until is None or now >= self.flapping_until or turn % 2:
            return self._view()
        match self.shape:
            case "alternating":
                return self.old_view
            case "empty":
                return ()
            case "missing-current":
                return tuple(each for each in self._view() if each[1] != "Current")
            case "doubled":
                return (*self._view(), *self.old_view[:1])

    def _view(self) -> View:
        current: View = ((self.current, "Current"),)
        return (*current, (self.upcoming, "Upcoming")) if self.upcoming else current

    def _next(self) -> tuple[datetime, Callable[[datetime], None]] | None:
        """Return what happens next and when; of things at the same instant, announcements come first."""
        planned = self._planned()
        due: list[tuple[datetime, Callable[[datetime], None]]] = []
        announcement = self._announcement(planned)
        if announcement is not None:
            due.append((announcement, lambda at: self._announce(at, planned)))
        if self.script:
            event = self.script[0]
            due.append((event.at, lambda _: self._play(event)))
        if not self.held and planned is None:
            due.append((self._renewal(), lambda at: self._rotate(Rotation(at))))
        return min(due, key=lambda each: each[0], default=None)

    def _planned(self) -> Rotation | None:
        """Return the scheduled rotation that stands in for the automatic one, if there is one in time for it."""
        for event in self.script:
            if isinstance(event, Rotation) and event.announce is not None:
                in_time = event.at <= self.current.certificate.not_valid_after_utc
                return event if in_time or self.held else None
        return None

    def _announcement(self, planned: Rotation | None) -> datetime | None:
        if not self.announces or self.upcoming or self.silent or (self.held and planned is None):
            return None
        moment = self.current.certificate.not_valid_after_utc - ANNOUNCED_BELOW
        if planned is not None and planned.announce is not None:
            moment = min(moment, planned.at - planned.announce)
        return max(moment, self.silent_until) if self.silent_until else moment

    def _renewal(self) -> datetime:
        # A script may start with a leaf that is nearly over: then half of what is left passes first.
        expiry = self.current.certificate.not_valid_after_utc
        return max(expiry - REPLACED_BEFORE_EXPIRY, self.current_since + (expiry - self.current_since) / 2)

    def _issue(self, issuers: Issuers, at: datetime) -> Identity:
        self.number += 1
        return self.issue(self.number, issuers, at)

    def _announce(self, at: datetime, planned: Rotation | None) -> None:
        self.upcoming_issuers = self.issuers.after(planned)
        self.upcoming = self._issue(self.upcoming_issuers, at)
        self.silent_until = None

    def _play(self, event: Event) -> None:
        self.script.remove(event)
        match event:
            case Rotation():
                self._rotate(event)
            case Withdrawal():
                self.upcoming = None
                self.silent = event.again is None
                self.silent_until = event.at + event.again if event.again else None
            case Hold():
                self.held = True

    def _rotate(self, rotation: Rotation) -> None:
        self.old_view = self._view()
        wanted = self.issuers.after(rotation)
        announced = self.upcoming if rotation.announce is not None and self.upcoming_issuers == wanted else None
        self.current = announced or self._issue(wanted, rotation.at)
        self.current_since, self.issuers, self.upcoming = rotation.at, wanted, None
        self.silent, self.silent_until = False, None
        self.flapping_until, self.shape = rotation.at + rotation.flapping, rotation.shape
