"""The acts of a script, as data: what the world, the operators and bad luck do. Any act may follow any other.

A script is a list of acts, so it can be written down, shrunken and played again.
"""

from typing import Literal

import msgspec

type AuthorityName = Literal["Genesys", "DigiCert"]
type Source = Literal["use1", "euc1"]
type Goal = Literal["alb", "api"]
type Function = Literal["collect", "publish"]
type Misfortune = Literal["error", "crash", "meanwhile"]
type Disturbance = Literal["alternating", "empty", "missing-current", "missing-authority", "doubled", "old-after-new"]
type Trouble = Literal["refused", "unavailable", "throttled", "html", "closed"]
type RogueKind = Literal["self-made-root", "other-customer", "no-client-auth", "expired", "partner"]


class _Act(msgspec.Struct, frozen=True, kw_only=True, tag_field="act", omit_defaults=True):
    """Something happens."""


class Wait(_Act, frozen=True, tag="wait"):
    """No run of collect for so long."""

    hours: float


class Look(_Act, frozen=True, tag="look"):
    """Rounds of collect, queue and schedule, 15 minutes apart; the functions' clocks are ``skew`` seconds wrong."""

    rounds: int = 1
    skew: int = 0


class Rotate(_Act, frozen=True, tag="rotate"):
    """A leaf is replaced; the answers are disturbed for ``flapping`` hours after it."""

    source: Source
    authority: AuthorityName
    in_hours: float
    announced_days: int = 90
    issuer: Literal["same", "intermediate", "root"] = "same"
    flapping: float = 0
    shape: Literal["alternating", "empty", "missing-current", "doubled"] = "alternating"


class Emergency(_Act, frozen=True, tag="emergency"):
    """A leaf is replaced that nobody announced; an announced one never becomes current."""

    source: Source
    authority: AuthorityName
    in_hours: float = 0
    root: Literal["same", "new"] = "same"
    flapping: float = 0


class Withdraw(_Act, frozen=True, tag="withdraw"):
    """DigiCert's upcoming leaf disappears; another is announced ``again`` days later (0: none)."""

    source: Source
    again: int = 0


class Hold(_Act, frozen=True, tag="hold-renewals"):
    """Nothing is renewed when it is due any more: a leaf may expire in use."""

    source: Source
    authority: AuthorityName


class Anchor(_Act, frozen=True, tag="anchor"):
    """The operator writes an anchor file: today's root, today's and the next, every root up to now, or deletes it."""

    source: Source
    authority: AuthorityName
    roots: Literal["current", "ahead", "all", "none"]


class Disturb(_Act, frozen=True, tag="disturb"):
    """The API's answers are disturbed for so many hours."""

    source: Source
    shape: Disturbance
    hours: float


class Outage(_Act, frozen=True, tag="outage"):
    """The API does not answer as it should for so many hours, and collect runs every ``pace`` hours."""

    source: Source
    trouble: Trouble
    hours: float
    pace: float = 6


class Rogue(_Act, frozen=True, tag="rogue"):
    """The API shows a certificate that nobody vouches for (None: of none any more)."""

    source: Source
    kind: RogueKind | None
    status: Literal["Current", "Upcoming"] = "Upcoming"


class Approve(_Act, frozen=True, tag="approve"):
    """The operator approves the partner's certificate, or withdraws that."""

    source: Source
    wanted: bool


class Switch(_Act, frozen=True, tag="switch"):
    """The operator has a target check other authorities."""

    target: Goal
    authorities: tuple[AuthorityName, ...]


class Bad(_Act, frozen=True, tag="bad-luck"):
    """At its n-th call a function meets an error, dies, or another one of its kind runs meanwhile."""

    function: Function
    call: int
    phase: Literal["before", "after"]
    what: Misfortune
    targets: tuple[Goal, ...] = ()


class Drift(_Act, frozen=True, tag="drift"):
    """Somebody changes a target behind the watcher's back."""

    target: Goal
    what: Literal["adds", "replaces", "turns-off"]


class Lose(_Act, frozen=True, tag="lose-record"):
    """Somebody deletes a target's record."""

    target: Goal


class ByHand(_Act, frozen=True, tag="by-hand"):
    """The operator rolls a target back, or releases it."""

    target: Goal
    wish: Literal["rollback", "release"]


type Act = (
    Wait
    | Look
    | Rotate
    | Emergency
    | Withdraw
    | Hold
    | Anchor
    | Disturb
    | Outage
    | Rogue
    | Approve
    | Switch
    | Bad
    | Drift
    | Lose
    | ByHand
)


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """A whole script: its seed, its sources, and its acts."""

    seed: int
    sources: tuple[Source, ...]
    acts: tuple[Act, ...]


def to_text(script: Script) -> str:
    """One act a line, as JSON lines after the head; ``from_text`` reads it."""
    head = msgspec.json.encode({"seed": script.seed, "sources": script.sources}).decode()
    return "\n".join([head, *(msgspec.json.encode(act).decode() for act in script.acts)])


def from_text(text: str) -> Script:
    """A script again. Raises msgspec.ValidationError for what is none."""
    head, *acts = text.strip().splitlines()
    found = msgspec.json.decode(head, type=dict[str, object])
    return msgspec.convert(
        {**found, "acts": [msgspec.json.decode(act) for act in acts]},
        type=Script,
    )
