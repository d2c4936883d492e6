"""What is kept of an accepted configuration, forged while the newest one is refused, by who may write one folder.

It says where secrets are sent and what may leave: no document counts that the operator has not written.
"""

from contextlib import suppress
from typing import Any

import msgspec
import pytest

from rotation_watcher import config, configuration, keys
from rotation_watcher.alerts.model import Kind
from rotation_watcher.config import Watch
from rotation_watcher.errors import ConfigurationError
from tests.support.fakes import InMemoryStore, ManualClock
from tests.support.small_world import Sink, _watch
from tests.support.words import word

GOOD = _watch("apply", "heal", ())
BEFORE = _watch("observe", "heal", ())


def parse(document: object) -> Watch:
    return config.from_document(document, stack_region="us-east-1")


def refused() -> Watch:
    raise ConfigurationError(["mode: a slip of the operator's"])


class Kept:
    """Both functions have accepted two documents, and the newest is refused."""

    def __init__(self) -> None:
        self.store, self.sink, self.clock = InMemoryStore(), Sink(), ManualClock()
        for watch in (BEFORE, GOOD):
            self.accept(watch)
        self.used()
        self.sink.delivered.clear()

    def accept(self, watch: Watch) -> None:
        """Both functions read a good one."""

        def read() -> Watch:
            return watch

        configuration.keep(read, parse, self.store, self.sink, self.clock, dry_run=False)
        configuration.in_use(read, parse, self.store, dry_run=False)

    def used(self) -> list[Watch]:
        """What the functions work with now."""
        found: list[Watch] = []
        with suppress(ConfigurationError):
            kept = configuration.keep(refused, parse, self.store, self.sink, self.clock, dry_run=False)
            found.append(kept.watch)
        with suppress(ConfigurationError):
            found.append(configuration.in_use(refused, parse, self.store, dry_run=False).watch)
        return found

    @property
    def kept(self) -> Any:
        """What collect keeps."""
        return msgspec.json.decode(self.store.body(keys.CONFIGURATION))


def rogue(document: Any) -> Any:
    targets = [one | {"unknown": "remove"} for one in document["targets"]]
    sources = [one | {"login_url": "https://evil.example.com"} for one in document["sources"]]
    return document | {"targets": targets, "sources": sources}


@pytest.mark.parametrize("place", ["good", "former", "both"])
def test_a_document_of_somebody_elses_below_sources_is_used_by_nobody_and_that_is_alerted(place: str) -> None:
    there = Kept()
    state = there.kept
    assert there.used() == [GOOD, GOOD]
    if place in {"good", "both"}:
        state["good"] = rogue(state["good"])
    if place in {"former", "both"}:
        state["former"] = [one | {"document": rogue(one["document"])} for one in state["former"]]
    there.store.seed(keys.CONFIGURATION, msgspec.json.encode(state))
    assert there.used() == {"good": [BEFORE] * 2, "former": [GOOD] * 2, "both": []}[place]
    assert [word(one) for one in there.sink.delivered if word(one) == Kind.STATE_FORGED] == (
        [Kind.STATE_FORGED] if place == "both" else []
    )


def test_digests_of_somebody_elses_below_bundles_choose_between_the_operators_own_documents_at_most() -> None:
    there = Kept()
    state = there.kept
    digests = [configuration.digest_of(rogue(state["good"])), configuration.digest_of(state["former"][0]["document"])]
    there.store.seed(keys.ACCEPTED, msgspec.json.encode(configuration.Accepted(digests=tuple(digests))))
    assert there.used() == [BEFORE, BEFORE]
    there.store.seed(keys.ACCEPTED, msgspec.json.encode(configuration.Accepted(digests=tuple(digests[:1]))))
    assert there.used() == []
    assert Kind.STATE_FORGED in {word(one) for one in there.sink.delivered}


@pytest.mark.parametrize("key", [keys.CONFIGURATION, keys.ACCEPTED])
def test_what_was_emptied_is_alerted_and_mended_by_the_next_good_one(key: str) -> None:
    there = Kept()
    there.store.seed(key, b"{}")
    assert there.used() == []
    assert Kind.STATE_FORGED in {word(one) for one in there.sink.delivered}
    there.accept(GOOD)
    assert there.used() == [GOOD, GOOD]
