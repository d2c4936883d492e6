"""The demo: one rotation after another, printed as it happens, and judged by real TLS handshakes.

A hundred virtual days pass in some seconds. At every step each target's truststore, exactly as the target holds it,
is loaded into a real nginx, and real clients shake hands with it: the certificates that Genesys presents at that
moment, and strangers. A state that clients have met before is not tried again. Whoever is let in by a domain whose API
asks the stack's authorizer is then presented to that, as API Gateway does.
``build/demo/summary.json`` counts them, and ``summary.txt`` beside it says what each field means.
"""

import argparse
import json
import shutil
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import Popen
from typing import NamedTuple

import httpx
import msgspec
from rich.console import Console

from local.authorizer import Authorizer
from local.demo_legend import legend
from local.edge import ClientIdentity, Handshake, TlsEdge
from local.environment import Environment
from local.genesys.issuing import Identity
from local.looking import MISSING, photograph
from local.pictures import draw_slack, draw_teams
from local.receiver import SlackReceiver, TeamsReceiver
from rotation_watcher import keys
from rotation_watcher.adapters.slack import SlackWebhook
from rotation_watcher.adapters.teams import TeamsWebhook
from rotation_watcher.alerts import amazon_q, mail
from rotation_watcher.alerts.model import Alert, Kind
from rotation_watcher.digests import SETTLED
from rotation_watcher.slack import QueueMessage, message_of, post_all

WORLD = {"backdate": timedelta(days=200)}  # nginx goes by the real clock: every leaf must be valid now, too
DIRECT = {"direct": True}
"""The SDK reaches the embedded AWS without a socket: what the demo proves are handshakes."""
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
BEYOND = ("admitted_by_shared_ca", "admitted_though_revoked")
"""What no truststore can prevent."""
ENFORCED = ("refused_by_authorizer", "admitted_where_enforced")
COUNTED = ("attempted", "admitted", "refused", "refused_wrongly", "admitted_wrongly", *BEYOND, "asked", *ENFORCED)
"""What is counted (``demo_legend``)."""
_AT_ONCE = 8
"""Handshakes."""
_BUNDLES = {"rest": "genesys", "http": "both"}
"""The domains whose APIs will ask an authorizer, and by which bundle it decides."""
_KEPT_BY = {"alb": ("Genesys",), "rest": ("Genesys",), "http": ("DigiCert", "Genesys")}


class Guest(NamedTuple):
    """Somebody who knocks: ``welcome`` says at which targets, ``beyond`` at which no truststore can keep him out.

    ``counted`` is what he is counted as there. ``leaf`` is his certificate (PEM).
    """

    identity: ClientIdentity
    leaf: str
    welcome: frozenset[str]
    beyond: frozenset[str] = frozenset()
    counted: str = ""

    @property
    def key(self) -> str:
        """Who he is, and with which certificate."""
        return f"{self.identity.name}:{self.leaf}"


type Fared = tuple[Guest, Handshake, bool]
"""A guest, how he fared, and whether that had to be tried."""


class Tally:
    """What the handshakes came to, in all and per target."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.by_target: dict[str, Counter[str]] = {}
        self.faults: list[str] = []

    def judge(self, moment: datetime, target: str, guest: Guest, detail: str, *, admitted: bool) -> None:
        """Count one handshake."""
        verdict = "admitted" if admitted else "refused"
        if admitted and target in guest.beyond:
            verdict = guest.counted
        elif admitted and target not in guest.welcome:
            verdict = "admitted_wrongly"
        elif not admitted and target in guest.welcome:
            verdict = "refused_wrongly"
        self._count(moment, target, guest, detail, "attempted", verdict)

    def judge_authorizer(self, moment: datetime, target: str, guest: Guest, reason: str, *, allowed: bool) -> None:
        """Count one answer of the authorizer about somebody whom the truststore let in."""
        welcome = target in guest.welcome
        verdict = "allowed" if allowed else "refused_by_authorizer"
        if allowed != welcome:
            verdict = "admitted_where_enforced" if allowed else "refused_wrongly"
        self._count(moment, target, guest, f"the authorizer says {reason}", "asked", verdict)

    def _count(self, moment: datetime, target: str, guest: Guest, detail: str, total: str, verdict: str) -> None:
        if verdict.endswith(("_wrongly", "_enforced")):
            self.faults.append(f"{moment:%Y-%m-%d %H:%M} {target}: {guest.identity.name} was {verdict}: {detail}")
        for counter in (self.counts, self.by_target.setdefault(target, Counter())):
            counter[total] += 1
            counter[verdict] += 1


class Script:
    """The environment, the edge and the teller."""

    def __init__(self, environment: Environment, edge: TlsEdge, folder: Path, console: Console) -> None:
        self.environment = environment
        self.edge = edge
        self.folder = folder
        self.console = console
        self.tally = Tally()
        self.start = environment.clock()
        self.quiet_writes: int | None = None
        self.waiting = False
        """Whether something happened that the next digest will tell."""
        self.revoked: Identity | None = None
        self.pictures: list[Popen[bytes]] = []
        self.doors: dict[str, Authorizer] = {}
        """The authorizers, by the domains whose APIs ask them."""
        self._guests: dict[str, ClientIdentity] = {}
        self._seen: dict[str, tuple[object, dict[str, Handshake]]] = {}

    def say(self, words: str, style: str = "bold") -> None:
        """Print what happens, with the virtual day."""
        day = (self.environment.clock() - self.start).days
        self.console.print(f"day {day:>3}  {words}", style=style, highlight=False, soft_wrap=True)

    def knock(self) -> None:
        """Load what each target holds into nginx and let everybody shake hands, and ask who is asked after that."""
        bundles = {target: self.environment.live_pem(target) or b"" for target in _KEPT_BY}
        loaded = self.environment.aws.live_lists(self.environment.arn("alb"))
        lists = {"alb": self.environment.world.lists.beside(bundles["alb"], loaded)}
        self.edge.load(bundles, lists)
        guests, now = self._everybody(), self.environment.clock()
        states = {target: (bundles[target], lists.get(target)) for target in _KEPT_BY}
        for target, fared in self._shaken(states, guests).items():
            for guest, result, new in fared:
                if new:
                    self.tally.judge(now, target, guest, result.detail, admitted=result.admitted)
                if result.admitted and target in self.doors:
                    allowed, reason = self.doors[target].decide(guest.leaf)
                    self.tally.judge_authorizer(now, target, guest, reason, allowed=allowed)

    def _shaken(self, states: Mapping[str, object], guests: Sequence[Guest]) -> dict[str, list[Fared]]:
        """How each guest fares at each target. What is tried is tried together: in one state he fares as before."""
        for target, state in states.items():
            if self._seen.get(target, (None, {}))[0] != state:
                self._seen[target] = state, {}
        known = {target: self._seen[target][1] for target in states}
        strange = [(target, guest) for target in states for guest in guests if guest.key not in known[target]]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            results = [*pool.map(lambda one: self.edge.handshake(one[0], one[1].identity), strange)]
        for (target, guest), result in zip(strange, results, strict=True):
            known[target][guest.key] = result
        new = {(target, guest.key) for target, guest in strange}
        return {
            target: [(guest, known[target][guest.key], (target, guest.key) in new) for guest in guests]
            for target in states
        }

    def pass_time(self, step: timedelta = QUARTER) -> None:
        """Let time pass: clients connect before the watcher has run, and after; then print what arrived."""
        self.environment.clock.advance(step)
        self.knock()
        self.environment.tick(timedelta(0), schedule=step >= HOUR)  # what flaps enqueues targets where it matters
        self.knock()
        self.tell()
        if self.waiting and step > QUARTER:
            self.environment.clock.advance(SETTLED)
            self._report()  # it tells together what has happened
            self.tell()

    def _refresh(self) -> None:
        """The Scheduler wakes refresh_crls, and the queue publish: hourly outside, now and then here; then report."""
        broken = self.environment.refresh_crls().broken
        if broken:
            raise RuntimeError(f"refresh_crls: {broken}")
        self.environment.drain()
        self._report()

    def _report(self) -> None:
        """The Scheduler wakes report: every five minutes outside, now and then here."""
        undelivered = self.environment.report().undelivered
        if undelivered:
            raise RuntimeError(f"report: {undelivered}")

    def tell(self) -> None:
        """Show the alerts that arrived."""
        for alert in self.environment.new_alerts():
            self.waiting = alert.routine or (self.waiting and alert.kind is not Kind.DIGEST)
            style = {"info": "green", "warning": "yellow", "critical": "bold red"}[alert.severity]
            severity = "later" if alert.routine else alert.severity.upper()
            self.say(f"  {severity:<8} {alert.kind:<26} {alert.title}", "dim" if alert.routine else style)

    def until(self, day: float, step: timedelta) -> None:
        """Let time pass in steps up to a day of the script."""
        end = self.start + timedelta(days=day)
        while self.environment.clock() + step <= end:
            self.pass_time(step)
        if self.environment.clock() < end:
            self.pass_time(end - self.environment.clock())

    def _everybody(self) -> list[Guest]:
        east = self.environment.world.region("us-east-1")
        frankfurt = self.environment.world.region("eu-central-1")
        genesys, everywhere = frozenset({"alb", "rest", "http"}), frozenset({"http"})
        guests = [
            self._guest("us-east-1 Genesys", east.presented("Genesys"), genesys),
            self._guest("us-east-1 DigiCert", east.presented("DigiCert"), everywhere),
            self._guest("eu-central-1 Genesys", frankfurt.presented("Genesys"), frozenset({"alb", "rest"})),
            self._guest("our own partner", self.partner, frozenset({"alb"})),
            self._guest("self-made root", self.strangers["self-made-root"]),
            self._guest("no clientAuth", self.strangers["no-client-auth"]),
            self._guest("another region's leaf", self.strangers["other-region"]),
        ]
        other = self._guest("another DigiCert customer", self.strangers["other-customer"])
        guests.append(other._replace(beyond=everywhere, counted="admitted_by_shared_ca"))
        if self.revoked is not None:
            old = self._guest("the revoked leaf", self.revoked)
            guests.append(old._replace(beyond=frozenset({"rest", "http"}), counted="admitted_though_revoked"))
        return guests

    def _guest(self, name: str, identity: Identity, welcome: frozenset[str] = frozenset()) -> Guest:
        key = f"{name}:{identity.fingerprint}"
        if key not in self._guests:
            chain, secret = identity.handshake_pem().encode(), identity.key_pem().encode()
            self._guests[key] = ClientIdentity(name, chain, secret)
        return Guest(self._guests[key], identity.pem(), welcome)

    def prepare(self) -> None:
        """Make those who are no part of Genesys: a partner that the ALB admitted before, and strangers."""
        world = self.environment.world
        partner = world.region("sa-east-1")  # stands in for the operator's own private CA
        self.partner, self.partner_root = partner.presented("Genesys"), partner.root_pem()
        east = world.region("us-east-1")
        self.strangers = {
            "self-made-root": east.stranger("self-made-root"),
            "no-client-auth": east.stranger("no-client-auth"),
            "other-region": world.region("ap-south-1").presented("Genesys"),
            "other-customer": east.stranger("other-customer", "DigiCert"),
        }

    def play(self) -> None:
        """The script itself."""
        environment, world = self.environment, self.environment.world
        east, frankfurt = world.region("us-east-1"), world.region("eu-central-1")
        self.say("the stack is deployed; the watcher runs for the first time")
        environment.tick()
        self._refresh()
        self.tell()
        for _ in range(2):  # API Gateway made an update wait: that this is over takes two snapshots and ten minutes
            self.pass_time(HOUR)
        self._quiet_run()
        self.say("us-east-1: DigiCert's certificate has 92 days left; the next one is published below 90")
        self.until(2, timedelta(days=1))
        self.say("the operator attaches the stack's authorizer to the APIs behind both domains")
        for target, bundle in _BUNDLES.items():
            environment.attach_authorizer(target)
            self.doors[target] = environment.authorizer(bundle)
        self.until(3, timedelta(days=1))
        self.until(19, timedelta(days=5.5))
        self.say("us-east-1: the yearly Genesys leaf changes now, and the API flaps for an hour")
        east.schedule_rotation("Genesys", environment.clock(), flapping=timedelta(hours=1))
        self.until(19 + 0.055, QUARTER)
        self.until(28, timedelta(days=9))
        self.say("eu-central-1: Genesys has announced a new root; the operator adds it to anchors/eu-central-1.pem")
        both = frankfurt.root_pem() + frankfurt.root_pem(ahead=1)
        environment.put("anchors/eu-central-1.pem", both)
        self.until(33, timedelta(days=5))
        self.say("eu-central-1: the leaf changes to the new root, and the API flaps for an hour")
        frankfurt.schedule_rotation("Genesys", environment.clock(), flapping=timedelta(hours=1), root="new")
        self.until(33 + 0.055, 2 * QUARTER)
        self.until(40, timedelta(days=7))
        self._refresh()
        self.say("us-east-1: DigiCert's certificate rotates, and the API flaps for an hour")
        self.until(40 + 0.055, 2 * QUARTER)
        self.until(66, timedelta(days=13))
        self.say("the operator takes eu-central-1's old root out of anchors/eu-central-1.pem")
        environment.put("anchors/eu-central-1.pem", frankfurt.root_pem())
        self.until(111, timedelta(days=11.25))
        self.say("the old intermediate and the old root have left, each after its grace")
        self.say("us-east-1: the key of the Genesys leaf is lost; Genesys presents another one and revokes it")
        self._revoke()
        self.pictures = _show(environment, self.folder / "status.html")  # the browser works while the script goes on
        self.until(112, timedelta(days=1))
        self.say("the trust store and the authorizer refuse the revoked leaf and let the new one in; the script ends")

    def _revoke(self) -> None:
        """Off cycle, unannounced. Within one cycle the trust store refuses the old leaf."""
        environment, east = self.environment, self.environment.world.region("us-east-1")
        lost = east.presented("Genesys")
        east.schedule_emergency("Genesys", environment.clock())
        environment.world.lists.revoke(lost)
        environment.tick()
        self._refresh()
        self.revoked = lost
        self.knock()
        self.tell()

    def _quiet_run(self) -> None:
        """A run of everything in which nothing is new: count what it writes."""
        self.environment.report()
        self.environment.aws.calls.clear()
        self.environment.collect()
        self.environment.publish()
        self.environment.refresh_crls()
        self.environment.report()
        asked = "ReceiveMessage"  # report asks a queue in which nothing is
        writes = [call for call in self.environment.aws.calls if call.mutating and call.operation != asked]
        self.quiet_writes = len(writes)
        self.say(
            f"a quiet run: {len(list(self.environment.aws.calls))} AWS calls, {self.quiet_writes} of them writing",
            "cyan",
        )


def main(argv: Sequence[str] = ()) -> int:
    """Play the script; 0 if every handshake came out as it should, else 1."""
    parser = argparse.ArgumentParser(
        prog="python -m local demo", description="A whole rotation, printed as it happens."
    )
    parser.add_argument("--output", type=Path, default=Path("build/demo"), help="where the results go")
    parser.add_argument("--keys", type=Path, default=Path("build/simulator-keys"), help="where simulator keys are kept")
    options = parser.parse_args(argv)
    console = Console(force_terminal=None if sys.stdout.isatty() else False)
    shutil.rmtree(options.output, ignore_errors=True)
    options.output.mkdir(parents=True)
    start = datetime.now(UTC).replace(microsecond=0)
    with (
        Environment(start, options.keys, world=WORLD, aws=DIRECT) as environment,
        TlsEdge(options.output / "edge") as edge,
    ):
        script = _set_up(environment, edge, options.output, console)
        script.play()
        _deliver(environment.mails, options.output / "alerts")
        summary = _summary(script)
    (options.output / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    (options.output / "summary.txt").write_text(legend(summary))
    taken = [one.wait() for one in script.pictures]
    _conclude(script, options.output, console)
    seen = "status-phone.png, status-desktop.png, status-dark.png" if taken and not any(taken) else MISSING
    where = f"Open {options.output}/status.html, the status page when the leaf was revoked, with status.json ({seen})."
    console.print(where, highlight=False, soft_wrap=True)
    return 1 if script.tally.faults or script.quiet_writes else 0


def _show(environment: Environment, place: Path) -> list[Popen[bytes]]:
    """Leave what report writes beside the summary, and begin to take its pictures."""
    unreadable = environment.report().unreadable
    if unreadable:
        raise RuntimeError(f"report: {unreadable}")
    place.write_bytes(environment.read(keys.STATUS_PAGE))
    place.with_name("status.json").write_bytes(environment.read(keys.STATUS))
    return photograph(place)


def _set_up(environment: Environment, edge: TlsEdge, folder: Path, console: Console) -> Script:
    environment.world.prepare("us-east-1", "eu-central-1", "sa-east-1", "ap-south-1")
    east = environment.world.region("us-east-1", days_left={"Genesys": 200, "DigiCert": 92})
    environment.world.region("eu-central-1", days_left=80)
    east.schedule_rotation(
        "DigiCert",
        environment.clock() + timedelta(days=40),
        flapping=timedelta(hours=1),
        intermediate="new",
        announce=timedelta(days=30),  # of no account: less than 90 days are left before that
    )
    script = Script(environment, edge, folder, console)
    script.prepare()
    environment.add_source("use1", "us-east-1", ("Genesys", "DigiCert"))
    environment.add_source("euc1", "eu-central-1")
    environment.add_bundle("genesys", ["use1", "euc1"])
    environment.add_bundle("both", ["use1"], ["Genesys", "DigiCert"])
    environment.add_trust_store("alb", "genesys", script.partner_root + east.root_pem())
    environment.add_rest_domain("rest", "genesys", east.root_pem())
    environment.add_http_domain("http", "both", east.root_pem())
    environment.configure()
    return script


def _deliver(alerts: Sequence[Alert], folder: Path) -> None:
    """Write every alert as mail, as Amazon Q's notification, and as the payloads that real webhook receivers got.

    Of what Slack and Teams got there are pictures, too.
    """
    folder.mkdir()
    with SlackReceiver() as slack, TeamsReceiver() as teams, httpx.Client() as http:
        letters = [QueueMessage(alert.id, msgspec.json.encode(alert).decode()) for alert in alerts]
        for chat in (SlackWebhook(http, slack.url), TeamsWebhook(http, teams.url)):
            outcome = post_all(letters, chat)
            if outcome.failed:
                raise RuntimeError(f"messages for {chat!r} were lost: {outcome.errors}")
        notifications = [amazon_q.render(message_of(letter.body)) for letter in letters]
        told = zip(alerts, slack.payloads, teams.payloads, notifications, strict=True)
    for place, (alert, *payloads) in enumerate(told, start=1):
        name = f"{place:02}-{alert.kind}-{alert.source or alert.target or 'stack'}"
        text = f"Subject: {mail.subject(alert)}\n\n{mail.text(alert)}"
        (folder / f"{name}.mail.txt").write_text(text)
        for chat_name, payload in zip(("slack", "teams", "amazon-q"), payloads, strict=True):
            (folder / f"{name}.{chat_name}.json").write_text(json.dumps(payload, indent=2, ensure_ascii=False) + "\n")
        for chat_name, draw, payload in zip(("slack", "teams"), (draw_slack, draw_teams), payloads, strict=False):
            (folder / f"{name}.{chat_name}.svg").write_text(draw(payload), encoding="utf-8")


def _summary(script: Script) -> dict[str, object]:
    environment, counts = script.environment, script.tally.counts
    watch = environment.watcher.watch()
    return {
        "handshakes": {name: counts[name] for name in COUNTED},
        "faults": script.tally.faults,
        "quiet_run_writes": script.quiet_writes,
        "alerts": [
            {"id": alert.id, "kind": alert.kind, "severity": alert.severity, "at": alert.at.isoformat()}
            for alert in environment.alerts
        ],
        "mails": len(environment.mails),
        "targets": {
            target.id: {
                "arn": target.arn,
                "authorities": _KEPT_BY[target.id],
                "certificates": sorted(environment.live(target.id)),
                "handshakes": {name: script.tally.by_target[target.id][name] for name in COUNTED},
            }
            for target in watch.targets
        },
        "sources": {
            source.id: {
                "region": source.region,
                "leaves": {
                    name: {key: leaf["status"] for key, leaf in authority.get("leaves", {}).items()}
                    for name, authority in json.loads(environment.read(f"sources/{source.id}/history.json"))[
                        "authorities"
                    ].items()
                },
            }
            for source in watch.sources
        },
    }


def _conclude(script: Script, folder: Path, console: Console) -> None:
    counts = script.tally.counts
    console.print()
    console.print(
        f"{counts['attempted']} real TLS handshakes: {counts['refused_wrongly']} refused wrongly,"
        f" {counts['admitted_wrongly']} admitted wrongly.",
        style="bold green" if not script.tally.faults else "bold red",
        highlight=False,
    )
    where = (
        f"Read {folder}/summary.json (explained in summary.txt), and in {folder}/alerts/ each alert as it is delivered."
    )
    console.print(where, highlight=False, soft_wrap=True)
    for fault in script.tally.faults[:10]:
        console.print(f"  {fault}", style="red", highlight=False, soft_wrap=True)
    console.print(
        f"{counts['admitted_by_shared_ca']} handshakes of another DigiCert customer passed the target with DigiCert's"
        " CA: no truststore can distinguish them, which is what shared-authority-deployed warns of."
        f" {counts['admitted_though_revoked']} of the revoked leaf passed a domain of API Gateway, which takes no"
        " revocation lists; none passed the trust store, which does."
        f" The authorizer, asked {counts['asked']} times, refused strangers and the revoked leaf"
        f" {counts['refused_by_authorizer']} times.",
        highlight=False,
        soft_wrap=True,
    )
    console.print(
        f"{counts['admitted_where_enforced']} strangers admitted where enforcement is attached.",
        style="bold green" if not counts["admitted_where_enforced"] else "bold red",
        highlight=False,
    )
