"""Read what is kept, object by object: what cannot be read counts as absent, and is noted with its place and why."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from rotation_watcher import formats, keys
from rotation_watcher.alerts.builders.wording import plain
from rotation_watcher.alerts.conditions import Condition
from rotation_watcher.alerts.model import Alert
from rotation_watcher.bundles import decided
from rotation_watcher.clocks import Instant
from rotation_watcher.config import Source, Target
from rotation_watcher.errors import NewerFormat, StoreError
from rotation_watcher.ports import ObjectStore
from rotation_watcher.revocation import kept
from rotation_watcher.revocation import state as crl_state
from rotation_watcher.sources import history
from rotation_watcher.sources.history import History
from rotation_watcher.status import expiry_state
from rotation_watcher.status.model import Unreadable
from rotation_watcher.targets import record as records
from rotation_watcher.targets import revocation_state
from rotation_watcher.targets.record import Record
from rotation_watcher.trust import file_contents
from rotation_watcher.x509.certificates import Certificate, parse_bundle
from rotation_watcher.x509.facts import CertificateFacts

_OTHERWISE = "it is left out here"


class Entry(msgspec.Struct, frozen=True):
    """A certificate of a manifest, as far as it is shown."""

    certificate: CertificateFacts
    why: tuple[str, ...] = ()
    since: Instant | None = None
    until: Instant | None = None


class _Manifest(msgspec.Struct, frozen=True):
    certificates: tuple[Entry, ...] = ()


class _Configuration(msgspec.Struct, frozen=True):
    """The state of the configuration, as far as it is shown."""

    conditions: Mapping[str, Condition] = {}


_manifest, _configuration = formats.decoder(_Manifest, 1), formats.decoder(_Configuration, 1)
_alert: Callable[[bytes], Alert] = msgspec.json.Decoder(Alert).decode


class Reader:
    """Reads the bucket. ``unreadable``: what could not be read so far, each place once."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._broken: dict[str, Unreadable] = {}

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self._store.bucket

    @property
    def unreadable(self) -> tuple[Unreadable, ...]:
        """What could not be read."""
        return tuple(self._broken[key] for key in sorted(self._broken))

    def why(self, key: str) -> str | None:
        """Why an object could not be read; None where it could, or there is none."""
        found = self._broken.get(key)
        return found.why if found else None

    def history(self, source: Source) -> History:
        """The history of a source; an empty one where there is none."""
        found = self._read(keys.history(source.id), history.decode)
        return found or history.empty(source.id, source.region)

    def record(self, target: Target) -> Record:
        """The record of a target; an empty one where there is none, or where it speaks of another ARN."""
        found = self._of_target(target, keys.record, records.decode)
        return found if found and found.arn == target.arn else Record(target=target.id, arn=target.arn)

    def lists_at(self, target: Target) -> int:
        """How many revocation lists the watcher has loaded at a target."""
        found = self._of_target(target, keys.target_revocations, revocation_state.decode)
        return len(found.loaded) if found and found.arn == target.arn else 0

    def _of_target[T](self, target: Target, key_of: Callable[[str], str], decode: Callable[[bytes], T]) -> T | None:
        """An object of a target's state; as a former release kept it, where publish has not written it anew yet."""
        own = key_of(keys.target(target.arn))
        found = self._read(own, decode)
        return (
            self._read(key_of(keys.former_target(target.id)), decode) if found is None and not self.why(own) else found
        )

    def manifest(self, bundle: str) -> Sequence[Entry]:
        """What is in a bundle, the first that ends first."""
        found = self._read(keys.manifest(bundle), _manifest)
        return sorted(found.certificates, key=lambda one: one.certificate.not_after) if found else ()

    def followed(self, bundle: str) -> frozenset[str]:
        """The folders of the revocation lists that a bundle follows."""
        found = self._read(keys.revocations(bundle), decided.decode)
        return found.folders if found else frozenset()

    def list_in_force(self, folder: str) -> kept.Manifest | None:
        """What is in force of a list."""
        return self._read(f"{folder}/{kept.MANIFEST}", kept.decode)

    def crl_state(self) -> crl_state.State:
        """What lasts of lists and of certificates on them."""
        return self._read(keys.CRL_STATE, crl_state.decode) or crl_state.State()

    def configuration(self) -> Mapping[str, Condition]:
        """What lasts of the configuration."""
        found = self._read(keys.CONFIGURATION, _configuration)
        return found.conditions if found else {}

    def expiry(self) -> expiry_state.State:
        """What was told of ends."""
        return self._read(keys.EXPIRY, expiry_state.decode) or expiry_state.State()

    def anchors(self, key: str) -> tuple[CertificateFacts, ...]:
        """The roots in a file of the operator's."""
        body = self._read(key, bytes)
        held = file_contents.anchors(self.bucket, key, body)[0].held if body else ()
        return tuple(one.facts for one in held if isinstance(one, Certificate))

    def seen(self, source: str, fingerprint: str) -> Certificate | None:
        """A certificate that a source has shown; None where its file holds something else."""
        body = self._read(keys.seen(source, fingerprint), bytes)
        blocks = parse_bundle(body)[0] if body else ()
        return next((one.certificate for one in blocks if one.fingerprint == fingerprint), None)

    def delivered(self, most: int) -> list[tuple[str, Alert]]:
        """The last alerts that were delivered, by key, the newest first: ``most`` that can be read."""
        found: list[tuple[str, Alert]] = []
        for key in reversed(self._listed(keys.ALERT_LOG)):
            alert = self._read(key, _alert)
            if alert is not None:
                found.append((key, alert))
            if len(found) == most:
                break
        return found

    def _listed(self, prefix: str) -> Sequence[str]:
        try:
            return self._store.list(prefix)
        except StoreError as error:
            self._note(prefix, error)
            return ()

    def _read[T](self, key: str, decode: Callable[[bytes], T]) -> T | None:
        try:
            stored = self._store.get(key)
            return formats.read(stored.body, decode, self._place(key), _OTHERWISE) if stored else None
        except StoreError as error:
            self._note(key, error)
        except Exception as error:  # noqa: BLE001  # whatever one object does, the others are shown
            self._note(key, error)
        return None

    def _note(self, key: str, error: Exception) -> None:
        newer = isinstance(error, NewerFormat)
        words: Any = error if isinstance(error, StoreError) else type(error).__name__
        why = plain(str(words).replace(f"{self._place(key)} ", "").removesuffix(f": {_OTHERWISE}"), 240)
        self._broken[key] = Unreadable(place=plain(self._place(key)), why=why, newer=newer)

    def _place(self, key: str) -> str:
        return f"s3://{self._store.bucket}/{key}"
