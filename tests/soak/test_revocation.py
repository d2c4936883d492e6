"""Virtual weeks of revocations, failing servers, deaths and vandals, from a seed; a model of its own judges."""

import random
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any

import msgspec
import pytest
from cryptography import x509

from rotation_watcher import keys
from rotation_watcher.errors import FetchCode, StoreError, TargetBusy
from rotation_watcher.revocation.kept import MANIFEST
from tests.support import certs
from tests.support.certs import Issued
from tests.support.fakes import Watched
from tests.support.small_refresh import CAS, DAY, HOUR, LEAVES, SmallRefresh, intermediate, named
from tests.support.small_world import ARNS, NAME, START, issued

SEEDS = range(1, 41)
STEPS = 60
ALB = ARNS["alb"]
GARBLED = (b"", b"{")


class Killed(BaseException):
    """The end of the process."""


@cache
def leaves() -> list[Issued]:
    return [
        certs.issue(intermediate(), NAME, not_before=START - (9 - n) * DAY, extensions=[named(LEAVES)])
        for n in range(4)
    ]


@cache
def theirs(number: int) -> bytes:
    """A list of somebody else's, two of them of the issuer of ours."""
    return certs.crl(intermediate() if number % 2 else issued("Other"), [number + 1])


class Game:
    """``bad`` and ``bad_ca`` are what the CAs' newest lists revoke; ``known`` what a whole run has got of it."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311  # a test's story
        self.world = SmallRefresh()
        self.bad: set[str] = set()
        self.bad_ca = False
        self.known: tuple[frozenset[str], bool] = (frozenset(), False)
        self.shown = [leaves()[0]]
        self.retiring: list[Issued] = []
        self.others: dict[int, bytes] = {}
        self.doubtful: set[int] = set()
        """Files that a run loaded and died over, and whose manifest, all versions of it, was destroyed since then."""
        self.down: set[str] = set()
        self.last: dict[str, Any] = {}
        self.vandalised = self.state_lost = False
        self.unknown = False
        """Whether a run that died, or one that got a list of two, may know more than that."""
        self.story: list[str] = []
        self.show()
        self.publish_lists()

    # What happens

    def show(self) -> None:
        held = [(one, (intermediate(),)) for one in (*self.shown, *self.retiring)]
        self.world.present(*held, retiring={one.fingerprint for one in self.retiring})

    def publish_lists(self) -> None:
        by_key = {one.fingerprint: one for one in leaves()}
        if LEAVES not in self.down:
            self.world.list_leaves(*(by_key[key] for key in sorted(self.bad)))
            self.last = {"made": self.world.clock(), "number": self.world.number}
        if CAS not in self.down:
            self.world.list_cas(*([intermediate()] if self.bad_ca else []))

    def revoke_or_release(self) -> None:
        self.bad ^= {self.random.choice(leaves()).fingerprint}
        self.publish_lists()

    def revoke_or_release_ca(self) -> None:
        self.bad_ca = not self.bad_ca
        self.publish_lists()

    def mirror(self) -> None:
        """The server gives the same list under another signature."""
        if LEAVES not in self.down:
            by_key = {one.fingerprint: one for one in leaves()}
            self.world.list_leaves(*(by_key[key] for key in sorted(self.bad)), **self.last)

    def rotate(self) -> None:
        known = {*self.shown, *self.retiring}
        self.shown = self.random.sample(leaves(), self.random.randint(1, 3))
        self.retiring = [one for one in leaves() if one in known and one not in self.shown]
        self.show()

    def fail(self) -> None:
        url = self.random.choice([LEAVES, CAS])
        self.down.add(url)
        self.world.points.fail(url, self.random.choice([*FetchCode]))

    def recover(self) -> None:
        self.down.clear()
        self.publish_lists()

    def refresh(self) -> None:
        whole = not self.world.refresh().broken
        self.unknown = bool(self.down) or not whole
        if not self.unknown:
            self.known = (frozenset(self.bad), self.bad_ca)

    def publish(self) -> None:
        self.show()  # the source is fresh
        self.world.publish()
        if not self.vandalised and not self.down and not self.unknown:
            self.check_pins(*self.known)

    def die(self) -> None:
        """A run dies at some call, before or after it."""
        runs: list[Callable[[], object]] = [self.world.refresh, self.world.publish]
        run, side = self.random.choice(runs), self.random.choice(["before", "after"])
        left = [self.random.randint(1, 40)]

        def kill(_operation: str, _subject: str) -> None:
            left[0] -= 1
            if not left[0]:
                raise Killed

        places: list[Watched] = [self.world.store, self.world.target, self.world.queue]
        for each in places:
            setattr(each, side, kill)
        try:
            run()
        except Killed:
            pass
        finally:
            for each in places:
                setattr(each, side, lambda *_: None)
        self.unknown = True
        self.world.clock.advance(HOUR)  # its claim runs out

    def stumble(self) -> None:
        """Some calls of a run fail: S3 is away, the service is busy."""
        chance = self.random.choice([0.05, 0.3, 1.0])

        def fail_store(operation: str, _subject: str) -> None:
            if self.random.random() < chance:
                raise StoreError(f"S3 is away for {operation}")

        def fail_target(operation: str, _subject: str) -> None:
            if self.random.random() < chance:
                raise TargetBusy(f"throttled: {operation}")

        places: list[Watched] = [self.world.store, self.world.target, self.world.queue]
        for each in places:
            each.before = fail_target if each is self.world.target else fail_store
        self.world.refresh()
        self.world.summary()
        for each in places:
            each.before = lambda *_: None
        self.unknown = True
        self.world.clock.advance(HOUR)

    def vandalise(self) -> None:
        """Somebody deletes or overwrites an object of the lists."""
        found = sorted(key for key in self.world.store.versions if key.startswith("crls/") and key.count("/") == 2)
        if not found:
            return
        if self.state_lost:
            return  # with both gone nothing shows whose a file is
        key = self.random.choice(found)
        self.vandalised = True
        if key.endswith(MANIFEST):  # it alone says of a file that no state names whose it is
            self.doubtful |= self.world.target.held[ALB].lists.keys() - self.others.keys() - self.noted("loaded")
        if self.random.random() < 0.5:
            self.world.store.remove(key)
        else:
            self.world.store.seed(key, self.random.choice([b"", b"{", theirs(0)]))

    def lose_state(self) -> None:
        """Somebody deletes or overwrites what says which lists the watcher has loaded, in one place or in both."""
        places = [keys.target_revocations(keys.target(ALB)), keys.added_lists(ALB)]
        versions = self.world.store.versions
        if self.vandalised or not all(key in versions and versions[key][-1].body not in GARBLED for key in places):
            return
        self.state_lost = True
        if self.random.random() < 0.25:  # nothing shows any more whose a file is
            for key in places:
                del versions[key]
            self.others |= {number: body for number, (body, _) in self.world.target.held[ALB].lists.items()}
            return
        key = self.random.choice(places)
        if self.random.random() < 0.5:
            self.world.store.remove(key)
        else:
            self.world.store.seed(key, self.random.choice([*GARBLED, self.random.choice(versions[key]).body]))

    def meddle(self) -> None:
        """Somebody loads a list of theirs into the trust store, or takes a list of ours out."""
        held = self.world.target.held[ALB].lists
        mine = sorted({*held} - {*self.others})
        if self.random.random() < 0.5 or not mine:
            body = theirs(self.random.randint(0, 5))
            self.others[self.world.target.load_list(ALB, body).id] = body
        else:
            del held[self.random.choice(mine)]

    def pass_time(self) -> None:
        self.world.clock.advance(self.random.choice([HOUR, DAY, 3 * DAY]))
        self.publish_lists()

    def play(self) -> None:
        acts: list[Callable[[], None]] = [
            *[self.refresh, self.publish] * 4,
            *[self.revoke_or_release, self.rotate, self.pass_time, self.die, self.stumble] * 2,
            *[
                self.revoke_or_release_ca,
                self.mirror,
                self.fail,
                self.recover,
                self.vandalise,
                self.lose_state,
                self.meddle,
            ],
        ]
        for step in range(STEPS):
            act = self.random.choice(acts)
            self.story.append(act.__name__)
            act()
            self.check_others()
            if step % 15 == 14:
                self.settle()

    def noted(self, what: str) -> set[int]:
        """The ids of the watcher's files (``loaded``), or of ``others``', that a state names."""
        found: set[int] = set()
        for key in (keys.target_revocations(keys.target(ALB)), keys.added_lists(ALB)):
            versions = self.world.store.versions.get(key)
            if versions and versions[-1].body not in GARBLED:
                state = msgspec.json.decode(versions[-1].body)
                own = [*state.get("loaded", {}).values(), *state.get("leaving", [])]
                found |= {*state.get("others", [])} if what == "others" else {one["id"] for one in own}
        return found

    # What must hold

    def check_pins(self, bad: frozenset[str], bad_ca: bool) -> None:  # noqa: FBT001  # two findings of one list
        good = set() if bad_ca else {one.fingerprint for one in self.shown} - bad
        pinned = self.world.pinned if keys.pins("main") in self.world.store.versions else set()
        assert good <= pinned, "a good leaf is not pinned"
        assert not pinned & bad, "a revoked leaf is pinned"
        assert not (bad_ca and pinned), "a leaf under a revoked CA is pinned"

    def check_others(self) -> None:
        held = self.world.target.held[ALB].lists
        assert {key: held[key][0] for key in self.others if key in held} == self.others, "another's list is gone"

    def settle(self) -> None:
        """Everybody is well again: after some runs everything is as it should be, and stays so."""
        self.story.append("settle")
        self.recover()
        for _ in range(4):
            self.refresh()
            self.world.clock.advance(HOUR)
            self.show()
            self.world.publish()
        self.vandalised = self.state_lost = False
        for alert in self.world.heard():  # what nothing shows to be the watcher's, since its objects were deleted
            if alert.facts.get("reason") == "not-ours":
                number = int(alert.what_happened.split()[2])
                held = self.world.target.held[ALB].lists
                self.others |= {number: held[number][0]} if number in held else {}
        self.check_pins(frozenset(self.bad), self.bad_ca)
        shown = {one.fingerprint for one in (*self.shown, *self.retiring)}
        wanted = (self.bad & shown) | ({intermediate().fingerprint} if self.bad_ca else set())
        assert self.world.revoked == wanted, "what is alerted as revoked is not what is revoked"
        self.check_lists()
        self.check_quiet()

    def check_lists(self) -> None:
        held = self.world.target.held[ALB].lists
        strangers = self.others.keys() | (self.doubtful & self.noted("others"))
        mine = [x509.load_pem_x509_crl(body) for key, (body, _) in held.items() if key not in strangers]
        found = {one.issuer.rfc4514_string(): {each.serial_number for each in one} for one in mine}
        assert len(found) == len(mine), "a list is loaded twice"
        serials = {one.certificate.serial_number for one in leaves() if one.fingerprint in self.bad}
        ca = {intermediate().certificate.serial_number} if self.bad_ca else set()
        assert found == {"CN=CA 1": serials, "CN=Root 0": ca}

    def check_quiet(self) -> None:
        self.refresh()
        self.world.publish()
        self.world.heard()  # what is to be reminded of at this hour, too
        calls, writes = len(self.world.target.calls), len(self.world.store.writes)
        self.world.publish()
        assert self.world.refresh(after=timedelta()).enqueued == []
        self.world.publish()
        assert [alert for alert in self.world.heard() if alert.status not in {"reminder", "resolved"}] == []
        assert self.world.store.writes[writes:] == [], "a quiet run writes"
        assert {"update", "add", "remove"}.isdisjoint(call for call, _ in self.world.target.calls[calls:])


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_happens_pins_lists_and_alerts_come_to_what_the_cas_say(seed: int) -> None:
    game = Game(seed)
    try:
        game.play()
        game.settle()
    except AssertionError as error:
        raise AssertionError(f"seed {seed}: {error}; {' '.join(game.story)}") from error
