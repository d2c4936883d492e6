"""What is done at a target, as a table; and, over every combination, what is never done."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec
import pytest

from rotation_watcher import errors, keys
from rotation_watcher.bundles.wanted import BundleView, Wanted
from rotation_watcher.config import Bundle, Mode, Target
from rotation_watcher.kinds import Proof
from rotation_watcher.ports import Live
from rotation_watcher.targets.decide import (
    Action,
    AdoptBaseline,
    Blocked,
    ClaimedElsewhere,
    Deploy,
    DropPending,
    Held,
    MtlsOff,
    NoChange,
    Observe,
    Outcome,
    Prove,
    PutOff,
    Resume,
    Waiting,
    decide,
    outcome_of,
)
from rotation_watcher.targets.plan import Blocker, Buckets, Plan, Snapshot, digest
from rotation_watcher.targets.record import Applied, Claim, Hold, HoldReason, Pending, Record
from rotation_watcher.x509.certificates import Block
from rotation_watcher.x509.truststore import of_blocks

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LATER, EARLIER = NOW + timedelta(minutes=5), NOW - timedelta(minutes=5)
ARN = "arn:aws:apigateway:us-east-1::/domainnames/api.example.com"
CONTENT = digest(b"")


class Case(NamedTuple):
    """The small domains of what decides. The defaults: everything is as it should be, and applied once."""

    mode: str = "apply"  # apply | observe
    claim: str = ""  # "" | own | another | expired
    pending: str = ""  # "" | shows | absent | elsewhere (the same is loaded) | back (a going back that does not show)
    applied: str = "same"  # same | other (than what is live) | never
    changes: bool = False
    blocked: bool = False
    hold: str = ""  # "" | stops | other (another content) | hand
    put_off: bool = False
    settled: bool = True
    mtls: bool = True
    on_drift: str = "heal"  # heal | report

    def decide(self) -> Action:
        """The decision."""
        return decide(self.snapshot(), Mode(self.mode), "me", NOW)

    def snapshot(self) -> Snapshot:
        """A target of that kind. ``blocks`` need no content here: only their fingerprints decide."""
        reasons = {
            "stops": Hold(reason=HoldReason.REJECTED, sha256=CONTENT, since=EARLIER),
            "other": Hold(reason=HoldReason.ROLLED_BACK, sha256="other", since=EARLIER),
            "hand": Hold(reason=HoldReason.BY_HAND, sha256="other", since=EARLIER),
        }
        claims = {"own": Claim("me", LATER), "another": Claim("you", LATER), "expired": Claim("you", EARLIER)}
        record = Record(
            target="api",
            arn=ARN,
            claim=claims.get(self.claim),
            pending=self._pending(),
            applied=None if self.applied == "never" else _applied("live" if self.applied == "same" else "gone"),
            hold=reasons.get(self.hold),
            not_before=LATER if self.put_off else None,
        )
        live = Live(
            bundle=b"" if self.mtls else None,
            location="s3://others/ca.pem"
            if self.pending == "elsewhere"
            else f"s3://watcher/{keys.deployed(keys.target(ARN))}",
            version="v2",
            settled=self.settled,
            warnings=(),
            endpoints=(),
            proof=Proof.VERSION,
        )
        plan = Plan(
            desired={},
            body=b"",
            added=("new",) if self.changes else (),
            removed=(),
            held=(),
            limit="",
            refused=(),
            drift=None,
            repoint=False,
            blocked_by=Blocker.WOULD_REFUSE if self.blocked else None,
            why="",
        )
        target = Target(id="api", arn=ARN, bundle="main", on_drift=self.on_drift)  # type: ignore[arg-type]  # a literal
        view = BundleView(Bundle(id="main", sources=(), authorities=()), Wanted({}, {}, (), ()), (), (), frozenset())
        contents = of_blocks({"live": Block("live", "", None, None)})
        return Snapshot(target, record, view, live, contents, {}, plan, buckets=Buckets("watcher", "watcher"))

    def _pending(self) -> Pending | None:
        if not self.pending:
            return None
        return Pending(
            version="v2",
            sha256="asked",
            fingerprints=("live",) if self.pending in {"shows", "elsewhere"} else ("asked",),
            ours=(),
            at=EARLIER,
            hold=HoldReason.BY_HAND if self.pending == "back" else None,
        )


def _applied(fingerprint: str) -> Applied:
    return Applied(version="v1", sha256="", fingerprints=(fingerprint,), at=EARLIER, proof="bytes")


TABLE: list[tuple[Case, Action]] = [
    # As it should be
    (Case(), NoChange()),
    (Case(applied="other"), AdoptBaseline()),
    (Case(applied="never"), AdoptBaseline()),
    (Case(applied="other", on_drift="report"), NoChange()),
    (Case(applied="other", mtls=False), NoChange()),
    (Case(settled=False), NoChange()),
    # Something differs
    (Case(changes=True), Deploy()),
    (Case(changes=True, applied="never"), Deploy()),
    (Case(changes=True, settled=False), Waiting()),
    (Case(changes=True, blocked=True), Blocked(Blocker.WOULD_REFUSE)),
    (Case(blocked=True), Blocked(Blocker.WOULD_REFUSE)),
    (Case(changes=True, put_off=True), PutOff(LATER)),
    (Case(put_off=True), NoChange()),
    # A hold
    (Case(changes=True, hold="stops"), Held()),
    (Case(changes=True, hold="hand"), Held()),
    (Case(changes=True, hold="other"), Deploy()),
    (Case(hold="hand"), Waiting()),
    # Mutual TLS is off
    (Case(changes=True, mtls=False), Deploy()),
    (Case(changes=True, mtls=False, applied="never"), MtlsOff()),
    (Case(changes=True, mtls=False, on_drift="report"), MtlsOff()),
    (Case(hold="hand", mtls=False), MtlsOff()),
    # An update was asked for
    (Case(pending="shows"), Prove()),
    (Case(pending="shows", changes=True), Prove()),
    (Case(pending="absent", settled=False), Prove()),
    (Case(pending="absent", changes=True), Deploy()),
    (Case(pending="absent"), DropPending()),
    (Case(pending="elsewhere"), DropPending()),
    (Case(pending="elsewhere", changes=True), Deploy()),
    (Case(pending="elsewhere", settled=False), Prove()),
    (Case(pending="absent", changes=True, blocked=True), DropPending()),
    (Case(pending="absent", changes=True, hold="stops"), DropPending()),
    (Case(pending="absent", changes=True, mtls=False, applied="never"), DropPending()),
    (Case(pending="back"), Resume()),
    (Case(pending="back", changes=True, hold="hand"), Resume()),
    (Case(pending="absent", changes=True, put_off=True), PutOff(LATER)),
    (Case(pending="shows", put_off=True), PutOff(LATER)),
    # Claims
    (Case(changes=True, claim="another"), ClaimedElsewhere("you", LATER)),
    (Case(claim="another"), ClaimedElsewhere("you", LATER)),
    (Case(changes=True, claim="expired"), Deploy()),
    (Case(changes=True, claim="own"), Deploy()),
    # Observe
    (Case(mode="observe"), Observe(False)),
    (Case(mode="observe", changes=True), Observe(True)),
    (Case(mode="observe", changes=True, blocked=True), Observe(False)),
    (Case(mode="observe", changes=True, claim="another", put_off=True), Observe(True)),
]


@pytest.mark.parametrize(("case", "action"), TABLE, ids=lambda value: str(value) if isinstance(value, Case) else "")
def test_the_transition_table(case: Case, action: Action) -> None:
    assert case.decide() == action


DOMAINS: dict[str, tuple[object, ...]] = {
    "mode": ("apply", "observe"),
    "claim": ("", "own", "another", "expired"),
    "pending": ("", "shows", "absent", "elsewhere", "back"),
    "applied": ("same", "other", "never"),
    "changes": (False, True),
    "blocked": (False, True),
    "hold": ("", "stops", "other", "hand"),
    "put_off": (False, True),
    "settled": (False, True),
    "mtls": (False, True),
    "on_drift": ("heal", "report"),
}


def test_over_every_combination_what_must_never_be_done_is_not_done() -> None:
    assert {*DOMAINS} == {*Case._fields}
    seen = 0
    for values in itertools.product(*DOMAINS.values()):
        case = Case(*values)  # type: ignore[arg-type]  # of their domains
        action = case.decide()
        problems = [words for words, bad in broken(case, action) if bad]
        assert problems == [], (case, action)
        seen += 1
    assert seen == 30720


def broken(case: Case, action: Action) -> list[tuple[str, bool]]:
    """Each sentence that an action must not make true."""
    acts = isinstance(action, Deploy | Prove | Resume | DropPending)
    changes_target = isinstance(action, Deploy | Resume)
    return [
        ("observe acts", case.mode == "observe" and not isinstance(action, Observe)),
        ("apply only observes", case.mode == "apply" and isinstance(action, Observe)),
        ("it acts under another's claim", acts and case.claim == "another"),
        ("it waits for a claim that is nobody's", isinstance(action, ClaimedElsewhere) and case.claim != "another"),
        ("it acts before its time", acts and case.put_off),
        ("what is blocked is deployed", isinstance(action, Deploy) and case.blocked),
        ("what is held is deployed", isinstance(action, Deploy) and case.hold in {"stops", "hand"}),
        ("nothing is deployed", isinstance(action, Deploy) and not case.changes),
        ("it is changed while the service is at work", changes_target and not case.settled),
        ("mTLS is turned on where it never was ours", isinstance(action, Deploy) and _off(case, "never")),
        ("mTLS is turned on against the operator", isinstance(action, Deploy) and _off_to_report(case)),
        ("a going back is forgotten", isinstance(action, DropPending) and case.pending == "back"),
        ("what arrived is forgotten", isinstance(action, DropPending) and case.pending == "shows" and case.mtls),
        (
            "what a domain without mTLS held once is taken for an arrival",
            isinstance(action, Prove) and _off_at_rest(case),
        ),
        ("what was asked for is left alone", bool(case.pending) and _at_rest(action)),
        ("a baseline is taken that nobody wanted", isinstance(action, AdoptBaseline) and _differs(case)),
        ("a target that could be repaired is left", _mendable(case) and not isinstance(action, Deploy)),
    ]


def _off(case: Case, applied: str) -> bool:
    return not case.mtls and case.applied == applied


def _off_at_rest(case: Case) -> bool:
    return not case.mtls and case.settled


def _off_to_report(case: Case) -> bool:
    return not case.mtls and case.on_drift == "report"


def _at_rest(action: Action) -> bool:
    return not isinstance(action, Observe | ClaimedElsewhere | PutOff | Deploy | Prove | Resume | DropPending)


def _differs(case: Case) -> bool:
    return case.changes or case.blocked or bool(case.hold) or not case.mtls or case.on_drift == "report"


def _mendable(case: Case) -> bool:
    free = case.mode == "apply" and case.claim != "another" and not case.put_off and not case.pending
    wanted = case.changes and not case.blocked and case.settled and case.mtls
    return free and wanted and case.hold in {"", "other"}


def test_every_reason_for_which_nothing_is_done_has_its_word() -> None:
    resting = {outcome_of(action) for _, action in TABLE if _at_rest(action)}
    assert resting == {"unchanged", "waiting", "would-refuse", "held", "mtls-off"}
    assert {Outcome(blocker) for blocker in Blocker} <= {*Outcome}
    of_lists = {errors.RevocationRejected, errors.RevocationsFull}  # no outcome of a bundle: ``revocations.keep``
    known: list[type[errors.TargetError]] = [errors.TargetError, *errors.TargetError.__subclasses__()]
    kinds = [kind for kind in known if kind not in of_lists]
    assert len({Outcome(kind.reason) for kind in kinds}) == len(kinds) == 11


def test_actions_of_different_kinds_are_never_equal() -> None:
    plain = [NoChange(), AdoptBaseline(), Held(), MtlsOff(), Waiting(), Deploy(), Prove(), Resume(), DropPending()]
    assert [one == other for one, other in itertools.combinations(plain, 2)] == [False] * 36
    assert msgspec.structs.asdict(Blocked(Blocker.WOULD_REFUSE)) == {"code": "would-refuse"}
