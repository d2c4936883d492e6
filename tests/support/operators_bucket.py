"""A bucket into which operators write, and a report that looks every five minutes."""

from datetime import timedelta
from functools import cache

from cryptography.hazmat.primitives.hashes import SHA256

from rotation_watcher import keys, operator_changes
from rotation_watcher.alerts.model import Alert
from rotation_watcher.operator_changes import Ports, Told
from rotation_watcher.status import files_state
from tests.support import certs
from tests.support.fakes import NOON, FakeFileEvents, InMemoryStore, Mailbox, ManualClock

ANCHOR, EXTRA = "anchors/us-east-1.pem", "extra/partner.pem"
ROLE = "AWS:AROAEXAMPLE1:alice@bank.example"
MINUTE = timedelta(minutes=1)


@cache
def ca(name: str) -> certs.Issued:
    return certs.self_signed_ca(name)


def fingerprint_of(name: str) -> str:
    return ca(name).certificate.fingerprint(SHA256()).hex()


def pem(name: str) -> bytes:
    return ca(name).pem


class Bucket:
    """A bucket into which people write, and a report function that looks every five minutes."""

    def __init__(self, *, events: bool = True) -> None:
        self.clock, self.store, self.sink = ManualClock(NOON), InMemoryStore(), Mailbox()
        self.store.clock = self.clock
        self.events = FakeFileEvents() if events else None
        self.watch_file = "watch.yaml"

    def look(self, *, after: timedelta = 5 * MINUTE, dry_run: bool = False) -> Told:
        self.clock.advance(after)
        self.store.calls.clear()
        if self.events is not None:
            self.events.come_back()
        return operator_changes.tell(
            Ports(self.store, self.events, self.sink, self.clock, self.watch_file), dry_run=dry_run
        )

    def told(self, *, after: timedelta = 5 * MINUTE) -> list[Alert]:
        before = len(self.sink.delivered)
        assert self.look(after=after).failed == ()
        return self.sink.delivered[before:]

    def write(self, key: str, body: bytes, who: str = ROLE) -> None:
        self.store.seed(key, body)
        self._say(key, who)

    def delete(self, key: str, who: str = ROLE) -> None:
        self.store.mark_deleted(key)
        self._say(key, who)

    def _say(self, key: str, who: str) -> None:
        if self.events is not None and who:
            self.events.say(key, self.clock(), who)

    @property
    def state(self) -> files_state.State:
        return files_state.decode(self.store.body(keys.OPERATOR_FILES))


def watched() -> Bucket:
    """One that has been looked at, with an anchor and a file of other clients' CAs."""
    found = Bucket()
    found.store.seed(ANCHOR, pem("Root"))
    found.store.seed(EXTRA, pem("Partner"))
    found.store.seed("watch.yaml", b"mode: apply")
    found.look()
    return found
