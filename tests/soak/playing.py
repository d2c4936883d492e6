"""Play a script: carry out its acts, run the functions as the stack would, and let the judge check every step."""

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any, NamedTuple

from local.genesys.issuing import Identity, pem_of
from local.genesys.world import AUTHORITIES
from rotation_watcher import keys
from rotation_watcher.errors import RequestRefused
from tests.soak.acts import (
    Act,
    Anchor,
    Approve,
    AuthorityName,
    Bad,
    ByHand,
    Disturb,
    Drift,
    Emergency,
    Hold,
    Look,
    Lose,
    Outage,
    Rogue,
    Rotate,
    Script,
    Source,
    Switch,
    Wait,
    Withdraw,
)
from tests.soak.breach import Breach, fingerprint
from tests.soak.environment import ARNS, CLAIM, REGIONS, RETAIN, START, Killed, SoakEnvironment
from tests.soak.judge import Judge
from tests.soak.openssl import Openssl, certificates
from tests.support import others
from tests.support.events import queue_event

QUARTER, PACE = timedelta(minutes=15), timedelta(seconds=35)
RECOVERY = CLAIM + timedelta(minutes=2)
"""How long after a death a claim may stand, with clocks that are wrong."""
_LONGEST = timedelta(days=365 * 22)
"""The authorities of the simulated world live 25 years."""


class Played(NamedTuple):
    """What a script came to; the breach (None: none), and the number of the act that led to it."""

    rotations: int
    checks: int
    alerts: int
    years: float
    breach: str | None
    at: int


def play(script: Script, openssl: Openssl) -> Played:
    """Play a script to its end, or to its first breach."""
    player = Player(script, openssl)
    place, breach = -1, None
    try:
        player.begin()
        for place, act in enumerate(script.acts):  # noqa: B007 - reported below
            player.do(act)
        place = len(script.acts)
        player.end()
    except Breach as found:
        breach = str(found)
    judge = player.judge
    years = (player.environment.clock() - START) / timedelta(days=365)
    return Played(judge.rotations, judge.checks, len(player.environment.mailbox.told), years, breach, place)


class Player:
    """Carries out the acts of one script."""

    def __init__(self, script: Script, openssl: Openssl) -> None:
        self.environment = SoakEnvironment(script.sources)
        self.judge = Judge(self.environment, openssl)
        self._dice = Random(script.seed)  # noqa: S311 - scripts, not secrets
        self._sure_from = START
        """From when on no claim or half-done work of a disturbed run is left."""
        self._others = 0
        self._partners: dict[Source, Identity] = {}
        self._deeds: dict[type[Act], Callable[[Any], None]] = {
            Wait: lambda act: self._pass(timedelta(hours=act.hours)),
            Look: self.look,
            Rotate: self._schedule,
            Emergency: self._schedule,
            Withdraw: self._schedule,
            Hold: self._schedule,
            Anchor: self._anchor,
            Disturb: self._disturb,
            Outage: self._outage,
            Rogue: self._rogue,
            Approve: self._approve,
            Switch: self._switch,
            Bad: self._bad,
            Drift: self._drift,
            Lose: self._lose,
            ByHand: self._by_hand,
        }

    # The whole

    def begin(self) -> None:
        """Two undisturbed runs, before anything happens."""
        for source in self.environment.sources:
            self.environment.world.region(REGIONS[source], days_left=self._dice.choice([40, 92, 200, 330]))
            for authority in AUTHORITIES:
                self._anchor(Anchor(source=source, authority=authority, roots="current"))
        self.look(Look(rounds=2))

    def do(self, act: Act) -> None:
        """Carry out one act. Raises Breach."""
        if self.environment.clock() - START > _LONGEST:
            return
        self._deeds[type(act)](act)
        self.judge.check()

    def end(self) -> None:
        """Everything becomes quiet, the operator tidies up, every grace passes. Raises Breach."""
        environment = self.environment
        environment.transport.troubles.clear()
        environment.transport.disturbances.clear()
        for source in environment.sources:
            environment.region(source).extra_entities.clear()
            for key in sorted(self.judge.approved):
                self._withdraw(key)
            for authority in AUTHORITIES:
                self._anchor(Anchor(source=source, authority=authority, roots="all"))
                environment.region(source).schedule_hold(authority)
        self._pass(RECOVERY)
        for goal in ARNS:
            self._by_hand(ByHand(target=goal, wish="release"))
        for _ in range(5):  # what is scheduled still comes
            self._pass(timedelta(days=5))
            self.look(Look(rounds=2))
        for source in environment.sources:
            for authority in AUTHORITIES:
                self._anchor(Anchor(source=source, authority=authority, roots="current"))
        for _ in range(3):
            self._pass(RETAIN / 2 + timedelta(hours=1))
            self.look(Look(rounds=2))
        for goal in ARNS:
            self._by_hand(ByHand(target=goal, wish="release"))
        self.look(Look(rounds=2))
        self.judge.check_end()
        self._quiet()

    def _quiet(self) -> None:
        """A run that finds everything as it was writes nothing. Raises Breach."""
        before = len(self.environment.store.writes)
        self.environment.collect()
        for goal in ARNS:
            self.environment.publish(goal)
        if written := self.environment.store.writes[before:]:
            raise Breach(f"quiet runs wrote {written}")
        if self.environment.queue.sent:
            raise Breach("a quiet run woke publish")

    # What the stack does unaided

    def look(self, act: Look) -> None:
        """Rounds of what the schedules and the queue do. Raises Breach."""
        self.environment.skew = timedelta(seconds=act.skew)
        for _ in range(act.rounds):
            self._collect()
            self._drain()
            for _ in range(3):
                self._pass(PACE)
                outcomes = self._schedule_all()
                if "put-off" not in outcomes:
                    break
            else:
                raise Breach("an update was put off three times in a row")
            if self._calm:
                self.judge.check_dismissed()
            self._pass(QUARTER)
        self.environment.skew = timedelta(0)

    @property
    def _calm(self) -> bool:
        """Whether nothing of a disturbed run can be left."""
        return self.environment.clock() >= self._sure_from

    def _collect(self) -> None:
        self.environment.transport.heard.clear()
        summary = self.environment.collect()
        if summary.broken:
            raise Breach(f"collect is broken: {summary.sources}")
        for source in self.environment.sources:
            found = summary.sources[source]
            if found.outcome == "read":
                self.judge.collected(source)
            elif REGIONS[source] not in self.environment.transport.troubles:
                raise Breach(f"{source} was not read: {found.message}")
        self.judge.check()

    def _drain(self) -> None:
        for target in self.environment.take():
            self._publish(target)

    def _schedule_all(self) -> set[str]:
        seen = self.environment.publish(sweep=True)
        if seen.broken:
            raise Breach(f"publish: {seen}")
        return {one.outcome for one in seen.targets.values()} | {self._publish(one) for one in self.environment.take()}

    def _publish(self, target: str) -> str:
        goal = next(each for each in ARNS if each == target)
        found = self.environment.publish(**queue_event(goal)).targets[goal]
        if found.outcome == "broken" or (self._calm and found.outcome in {"claimed-by-another", "failed", "rejected"}):
            raise Breach(f"publish {goal}: {found.outcome}: {found.message}")
        if self._calm and found.outcome != "put-off":
            self.judge.published(goal)
        self.judge.check()
        return found.outcome

    def _pass(self, step: timedelta) -> None:
        self.environment.let_pass(step)
        self.judge.check()

    # What Genesys does

    def _schedule(self, act: Rotate | Emergency | Withdraw | Hold) -> None:
        region, now = self.environment.region(act.source), self.environment.clock()
        match act:
            case Rotate():
                issuer = act.issuer if act.authority == "DigiCert" or act.issuer != "intermediate" else "same"
                region.schedule_rotation(
                    act.authority,
                    now + timedelta(hours=act.in_hours),
                    flapping=timedelta(hours=act.flapping),
                    shape=act.shape,
                    intermediate="new" if issuer == "intermediate" else "same",
                    root="new" if issuer == "root" else "same",
                    announce=timedelta(days=act.announced_days),
                )
            case Emergency():
                flapping = timedelta(hours=act.flapping)
                when = now + timedelta(hours=act.in_hours)
                region.schedule_emergency(act.authority, when, flapping=flapping, root=act.root)
            case Withdraw():
                region.schedule_withdrawal(now, again=timedelta(days=act.again) if act.again else None)
            case Hold():
                region.schedule_hold(act.authority, now)

    def _disturb(self, act: Disturb) -> None:
        until = self.environment.clock() + timedelta(hours=act.hours)
        self.environment.transport.disturbances[REGIONS[act.source]] = (act.shape, until)

    def _outage(self, act: Outage) -> None:
        region = REGIONS[act.source]
        self.environment.transport.troubles[region] = act.trouble
        left = timedelta(hours=act.hours)
        while left > timedelta(0):
            self._collect()
            self._drain()
            self._schedule_all()
            step = min(left, timedelta(hours=act.pace))
            self._pass(step)
            left -= step
        del self.environment.transport.troubles[region]

    def _rogue(self, act: Rogue) -> None:
        region = self.environment.region(act.source)
        region.extra_entities.clear()
        if act.kind is None:
            return
        authority: AuthorityName = self._dice.choice(AUTHORITIES)
        if act.kind == "partner":
            if act.source not in self._partners:
                self._partners[act.source] = others.partner(region, f"Partner {act.source}")
            leaf = self._partners[act.source]
            text = others.tell_of(region, leaf, act.status)
        else:
            leaf = region.stranger(act.kind, authority)
            told = region.entity(leaf, authority, act.status)
            region.extra_entities.append(told)
            text = told["certificate"]
        self.judge.add_rogue(leaf, text)

    # What the operator does

    def _anchor(self, act: Anchor) -> None:
        environment, region = self.environment, self.environment.region(act.source)
        key = environment.anchors_key(act.source, act.authority)
        if act.roots == "none":
            environment.store.remove(key)
            return
        if act.authority == "Genesys":
            text = region.all_roots_pem() if act.roots == "all" else region.root_pem()
            text += region.root_pem(ahead=1) if act.roots == "ahead" else ""
        else:
            text = self._digicert_roots(act)
        environment.store.seed(key, text.encode())

    def _digicert_roots(self, act: Anchor) -> str:
        """One file for every source: what is presented or announced anywhere is always in it."""
        roots = {}
        for source in self.environment.sources:
            region = self.environment.region(source)
            for leaf in (region.presented("DigiCert"), region.upcoming("DigiCert")):
                if leaf is not None and (act.roots != "current" or leaf is region.presented("DigiCert")):
                    roots[fingerprint(leaf.chain[-1])] = pem_of(leaf.chain[-1])
            if act.roots == "all":
                for certificate in certificates(region.all_digicert_roots_pem().encode()):
                    roots[fingerprint(certificate)] = pem_of(certificate)
            if act.roots == "ahead":
                coming = region.digicert_root_pem(ahead=1)
                roots[coming] = coming
        return "".join(roots.values())

    def _switch(self, act: Switch) -> None:
        self.environment.authorities[act.target] = act.authorities

    def _approve(self, act: Approve) -> None:
        leaf = self._partners.get(act.source)
        if leaf is None:
            return
        if not act.wanted:
            self._withdraw(leaf.fingerprint)
            return
        self.environment.store.seed(keys.approval(leaf.fingerprint), others.approval(leaf).encode())
        self.judge.approve(leaf.fingerprint, "Genesys")

    def _withdraw(self, key: str) -> None:
        self.environment.store.remove(keys.approval(key))
        self.judge.withdraw(key)

    def _by_hand(self, act: ByHand) -> None:
        goal = act.target
        try:
            if act.wish == "rollback":
                found = self.environment.publish(rollback=goal).targets[goal]
                if found.outcome == "rolled-back":
                    self.judge.rolled_back(goal)
                elif found.outcome == "put-off":
                    raise Breach("a rollback was put off")
            else:
                self.environment.publish(release=goal)
                self.judge.frozen.discard(goal)
        except RequestRefused:
            return

    # Bad luck, and other people

    def _bad(self, act: Bad) -> None:
        """Run a function of which one call goes wrong."""
        environment = self.environment

        def strike(component: str) -> None:
            match act.what:
                case "crash":
                    raise Killed
                case "error":
                    raise environment.error_at(component)
                case "meanwhile":
                    run()

        def run() -> None:
            if act.function == "collect":
                environment.collect()
            else:
                environment.publish(*act.targets)

        environment.mailbox.excused = True
        environment.trap.set(act.call, act.phase, strike)
        try:
            run()
        except Killed:
            pass
        finally:
            environment.trap.clear()
            environment.mailbox.excused = False
        self._sure_from = environment.clock() + RECOVERY
        for source in environment.sources:
            self.judge.missed(source)

    def _drift(self, act: Drift) -> None:
        environment, goal = self.environment, act.target
        bundle = environment.live(goal)
        if bundle is None or goal in self.judge.suspended:
            return
        held = environment.held[goal][ARNS[goal]]
        if act.what == "turns-off" and goal == "api":
            if environment.store.versions.get(keys.record(keys.target(ARNS[goal]))):
                held.bundle = held.location = held.version = None
                self.judge.suspended.add(goal)
            return
        self._others = self._others % 4 + 1
        other = environment.other(f"other-{self._others}")
        there = [one for one in certificates(bundle) if act.what == "adds" or self._dice.random() < 0.5]
        pem = "".join({pem_of(one): None for one in (*there, other.certificate)})
        kept = {fingerprint(one) for one in there}
        self.judge.left(goal, environment.foreign[goal] - kept)
        environment.foreign[goal] = environment.foreign[goal] & kept | {other.fingerprint}
        held.bundle = pem.encode()
        if goal == "api":
            version = environment.store.seed("elsewhere.pem", held.bundle)
            held.location, held.version = f"s3://{environment.store.bucket}/elsewhere.pem", version
        self.judge.suspended.add(goal)

    def _lose(self, act: Lose) -> None:
        """Whatever the target holds is nobody's business any more: it must stay for ever."""
        if act.target in self.judge.suspended or act.target in self.judge.frozen:
            return
        self.environment.store.remove(keys.record(keys.target(ARNS[act.target])))
        bundle = self.environment.live(act.target)
        self.environment.foreign[act.target] |= {fingerprint(one) for one in certificates(bundle)} if bundle else set()
