"""State as the functions keep it, of any size and with any names, without one run: for what only reads it."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec

from rotation_watcher import config, formats, keys
from rotation_watcher.alerts.builders.wording import stamp
from rotation_watcher.alerts.conditions import Condition
from rotation_watcher.alerts.model import Alert, Kind, Severity
from rotation_watcher.bundles.decided import Remembered
from rotation_watcher.config import Watch
from rotation_watcher.ports import Validators
from rotation_watcher.regions import REGIONS
from rotation_watcher.revocation import kept
from rotation_watcher.sources import history
from rotation_watcher.sources.history import AuthorityHistory, History, Leaf, Quarantined, Status
from rotation_watcher.sources.observation import Presence
from rotation_watcher.targets import record
from rotation_watcher.targets.record import Applied, Record
from rotation_watcher.trust.findings import Finding
from rotation_watcher.x509.crl_facts import CrlFacts
from rotation_watcher.x509.facts import CertificateFacts
from tests.support import certs
from tests.support.fakes import InMemoryStore
from tests.support.watch_files import watch_file

NOW = datetime(2026, 11, 26, 14, 5, tzinfo=UTC)
HOUR, DAY, YEAR = timedelta(hours=1), timedelta(days=1), timedelta(days=365)
FOLDER = "crls/0a"
_SECRET = "arn:aws:ssm:us-east-1:123456789012:parameter/genesys"  # a name, no secret


def facts(name: str, *, begins: datetime, ends: datetime, issuer: str = "CN=Genesys Issuing CA 3") -> CertificateFacts:
    """The facts of a certificate of that name, which exists nowhere."""
    return CertificateFacts(
        fingerprint=hashlib.sha256(f"{name}{begins}".encode()).hexdigest(),
        spki_sha256="00" * 32,
        subject=f"CN={name}",
        issuer=issuer,
        serial="0A1B2C3D",
        names=(name,),
        not_before=begins,
        not_after=ends,
    )


@lru_cache
def root() -> certs.Issued:
    """The root that is trusted everywhere."""
    return certs.self_signed_ca("Genesys Data Actions Root", not_before=NOW - 3 * YEAR, not_after=NOW + 12 * YEAR)


def _arn(number: int) -> str:
    store = f"arn:aws:elasticloadbalancing:us-east-1:123456789012:truststore/clients-{number}/{number:016x}"
    return f"arn:aws:apigateway:us-east-1::/domainnames/api{number}.example.com" if number % 2 else store


def folder(target: str) -> str:
    """The folder of a target's state, with the slash, by its id."""
    return keys.target(_arn(int(target.removeprefix("t"))))


class KeptState:
    """``sources`` regions of the catalogue and ``targets`` trust stores and domains in turn, all as they should be.

    ``suffix`` is put behind every name that a certificate may hold.
    """

    def __init__(self, sources: int = 1, targets: int = 1, *, suffix: str = "", mode: str = "apply") -> None:
        self.store = InMemoryStore("genesys-certificates-111122223333")
        self.suffix = suffix
        self.regions = sorted(REGIONS)[:sources] if sources > 1 else ["us-east-1"]
        self.watch: Watch = watch_file(self._document(targets, mode))
        self.histories: dict[str, History] = {}
        self.records: dict[str, Record] = {}
        top = "Genesys Data Actions Root"
        self.needed = [
            facts(f"{top}{suffix}", begins=NOW - 3 * YEAR, ends=NOW + 12 * YEAR, issuer=f"CN={top}{suffix}"),
            facts(f"Genesys Issuing CA 3{suffix}", begins=NOW - YEAR, ends=NOW + 4 * YEAR, issuer=f"CN={top}"),
        ]
        for place, source in enumerate(self.watch.sources):
            self.store.seed(source.anchors_key, root().pem)
            self.keep_history(self._history(source, 40 + 17 * place))
        for bundle in self.watch.bundles:
            self.keep_manifest(bundle.id)
            self.store.seed(keys.revocations(bundle.id), formats.encode(Remembered(known=(FOLDER,))))
        for target in self.watch.targets:
            self.keep_record(self._record(target))
        self.keep_list()

    def _document(self, targets: int, mode: str) -> dict[str, Any]:
        sources = [{"id": one, "region": one, "credentials": _SECRET} for one in self.regions]
        for one in sources:
            if REGIONS[one["region"]].client_name is None:
                one["client_name"] = "dataactions.example"
        return {
            "mode": mode,
            "sources": sources,
            "bundles": [{"id": "main", "sources": self.regions}],
            "targets": [self._target(number) for number in range(targets)],
        }

    def _target(self, number: int) -> dict[str, str]:
        return {"id": f"t{number}", "arn": _arn(number), "bundle": "main"}

    def _history(self, source: config.Source, days_left: int) -> History:
        name = f"{source.believed_name or 'dataactions.example'}{self.suffix}"
        ends = NOW + days_left * DAY
        listed = [
            (Status.CURRENT, facts(name, begins=ends - YEAR, ends=ends), None),
            (Status.UPCOMING, facts(name, begins=NOW - 5 * DAY, ends=NOW + 360 * DAY), None),
            (Status.RETIRING, facts(name, begins=NOW - 390 * DAY, ends=NOW + 8 * DAY), NOW + 20 * DAY),
        ]
        chain = tuple(one.fingerprint for one in reversed(self.needed))
        leaves = {
            one.fingerprint: Leaf(
                facts=one,
                chain=chain,
                status=status,
                since=NOW - 10 * DAY,
                first_seen=max(one.not_before, NOW - 200 * DAY),
                retire_after=until,
            )
            for status, one, until in listed
        }
        return History(
            source=source.id,
            region=source.region,
            fresh_at=NOW - HOUR,
            authorities={"Genesys": AuthorityHistory(leaves=leaves)},
        )

    def _record(self, target: config.Target) -> Record:
        held = tuple(one.fingerprint for one in self.needed)
        proof = "version" if "apigateway" in target.arn else "bytes"
        applied = Applied(
            version="v-0001", sha256="0a" * 32, fingerprints=held, ours=held, at=NOW - 31 * DAY, proof=proof
        )
        return Record(target=target.id, arn=target.arn, applied=applied)

    def keep_history(self, state: History) -> None:
        """Write a history."""
        self.histories[state.source] = state
        self.store.seed(keys.history(state.source), history.encode(state))

    def keep_record(self, state: Record) -> None:
        """Write a record."""
        self.records[state.target] = state
        self.store.seed(keys.record(keys.target(state.arn)), record.encode(state))

    def keep_manifest(self, bundle: str, *more: CertificateFacts) -> None:
        """Write a manifest: what is needed, and ``more`` from an ``extra`` file."""
        why = [f"{one}/Genesys/{'0a' * 32}" for one in self.regions]
        entries = [
            {
                "certificate": one,
                "why": [f"extra/partner{self.suffix}.pem"] if one in more else why,
                "since": NOW - YEAR,
            }
            for one in (*self.needed, *more)
        ]
        self.store.seed(keys.manifest(bundle), formats.encode({"format": 1, "bundle": bundle, "certificates": entries}))

    def keep_list(self, *, next_update: datetime = NOW + 3 * DAY) -> None:
        """Write the manifest of a revocation list."""
        part = kept.Part(version="v", sha256="0a" * 32, size=300)
        manifest = kept.Manifest(
            url=f"http://crl.example.com/issuing3.crl{self.suffix}",
            fetched_from="http://crl.example.com/issuing3.crl",
            issuer=f"CN=Genesys Issuing CA 3{self.suffix}",
            issuer_key="0b" * 32,
            facts=CrlFacts(
                fingerprint="0c" * 32,
                issuer="CN=Genesys Issuing CA 3",
                number="1F",
                this_update=NOW - 4 * DAY,
                next_update=next_update,
                entries=12,
            ),
            validators=Validators(),
            since=NOW - 4 * DAY,
            der=part,
            pem=part,
            index=part,
        )
        self.store.seed(f"{FOLDER}/{kept.MANIFEST}", formats.encode(manifest))

    def condition(
        self,
        key: str,
        kind: Kind,
        *,
        about: str = "us-east-1",
        since: datetime = NOW - HOUR,
        severity: Severity | None = None,
    ) -> Mapping[str, Condition]:
        """A condition that was told, as severe as its kind is as a rule."""
        worst = Severity.CRITICAL if kind in {Kind.MTLS_OFF, Kind.REVOKED} else Severity.WARNING
        told = f"{kind}:{about}:{stamp(since)}"
        return {key: Condition(kind=kind, since=since, alerted=since, alert=told, severity=severity or worst)}

    def disturb_target(
        self, target: str, key: str, kind: Kind, *, since: datetime = NOW - HOUR, severity: Severity | None = None
    ) -> None:
        """Something lasts at a target, and was told."""
        held = self.records[target]
        found = self.condition(key, kind, about=target, since=since, severity=severity)
        conditions = {**held.conditions, **found}
        self.keep_record(msgspec.structs.replace(held, conditions=conditions))

    def disturb_source(self, source: str, key: str, kind: Kind) -> None:
        """Something lasts at a source, and was told."""
        held = self.histories[source]
        conditions = {**held.conditions, **self.condition(key, kind, about=source, since=NOW - HOUR)}
        self.keep_history(msgspec.structs.replace(held, conditions=conditions))

    def tell(self, alert: Alert, at: datetime) -> None:
        """An alert was delivered."""
        self.store.seed(keys.told(at, alert.id), msgspec.json.encode(alert))

    def quarantine(self, source: str, *codes: str) -> str:
        """A certificate waits in quarantine for these reasons; its fingerprint."""
        held = self.histories[source]
        one = facts(f"stranger.example.com{self.suffix}", begins=NOW - DAY, ends=NOW + YEAR, issuer="CN=Somebody's CA")
        waiting = Quarantined(
            presence=Presence.CURRENT,
            facts=one,
            chain=(one.fingerprint,),
            reasons=tuple(Finding(code, f"what was found{self.suffix}") for code in codes),
            first_seen=NOW - HOUR,
        )
        known = msgspec.structs.replace(held.authorities["Genesys"], quarantine={one.fingerprint: waiting})
        self.keep_history(msgspec.structs.replace(held, authorities={**held.authorities, "Genesys": known}))
        return one.fingerprint


def alert(number: int = 0, *, severity: Severity = Severity.WARNING, suffix: str = "", **changes: Any) -> Alert:
    """An alert about a target."""
    made = Alert(
        id=f"drift-found:t0:{number:04}",
        kind=Kind.DRIFT_FOUND,
        severity=severity,
        at=NOW - number * HOUR,
        target="t0",
        title=f"ALB trust store clients-0: somebody else changed it{suffix}",
        what_happened=f"Two certificates are gone{suffix}.",
        what_it_means="Data actions may fail.",
        what_to_do=f"Let one tool manage it.\nsam remote invoke PublishFunction --event '{{}}'{suffix}",
    )
    return msgspec.structs.replace(made, **changes)
