"""What a trust store has loaded of revocation lists, in the smallest world of ``refresh_crls``."""

from collections.abc import Callable
from functools import cache

from cryptography import x509

from rotation_watcher import keys
from rotation_watcher.alerts.model import Alert
from rotation_watcher.targets.revocation_state import State, decode
from rotation_watcher.x509.crl import Crl, read
from tests.support import certs
from tests.support.certs import Issued
from tests.support.small_refresh import SmallRefresh, leaf
from tests.support.small_world import ARNS, folder, issued

ALB = ARNS["alb"]
PLACES = {"targets": keys.target_revocations(folder("alb")), "bundles": keys.added_lists(ALB)}
"""Where the state lies."""
CHANGES = {"put", "put_if", "add", "remove"}
"""The calls that change something."""


def news(world: SmallRefresh) -> list[Alert]:
    """What was delivered since the last call, without reminders and ends."""
    return [alert for alert in world.heard() if alert.status in {"event", "open"}]


class Killed(BaseException):
    """The end of the process."""


@cache
def theirs() -> bytes:
    """A list of somebody else."""
    return certs.crl(issued("Other"), [7, 8, 9])


def state(world: SmallRefresh) -> State:
    """What the watcher keeps of the lists that it loaded."""
    return decode(world.store.body(keys.target_revocations(folder("alb"))))


def loaded(world: SmallRefresh) -> dict[str, set[int]]:
    """The serials of what the trust store has loaded, by the issuer's name; two lists of one issuer are an error."""
    found: dict[str, set[int]] = {}
    for body, _ in world.target.held[ALB].lists.values():
        crl = x509.load_pem_x509_crl(body)
        name = crl.issuer.rfc4514_string()
        assert name not in found, f"two lists of {name}"
        found[name] = {each.serial_number for each in crl}
    return found


def serials(*revoked: Issued) -> set[int]:
    """The serial numbers of some certificates."""
    return {one.certificate.serial_number for one in revoked}


def revoke(world: SmallRefresh) -> None:
    """The leaf is on the list, and refresh_crls has seen it."""
    world.list_leaves(leaf())
    world.refresh()
    news(world)


def bodies(world: SmallRefresh) -> list[bytes]:
    """What the trust store has loaded."""
    return [body for body, _ in world.target.held[ALB].lists.values()]


def die_at(call: str, key: str, count: int) -> Callable[[str, str], None]:
    """What raises Killed at one call, after ``count`` that were the same."""
    left = [count]

    def die(each: str, of: str) -> None:
        if (each, of) == (call, key):
            if not left[0]:
                raise Killed
            left[0] -= 1

    return die


def assert_quiet(world: SmallRefresh) -> None:
    """One more run changes nothing, writes nothing and tells nothing."""
    news(world)
    writes, calls = len(world.store.writes), len(world.target.calls)
    world.publish()
    assert world.store.writes[writes:] == []
    assert {"add", "remove", "content"}.isdisjoint(call for call, _ in world.target.calls[calls:])
    assert news(world) == []


def fingerprint_of(body: bytes) -> str:
    """The fingerprint of a list."""
    crl = read(body)
    assert isinstance(crl, Crl)
    return crl.facts.fingerprint
