"""``pins-to-cloudfront``: what publish pins is what the connection function at CloudFront lets in."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from genesys_certs import app, pins_to_cloudfront
from local.aws.key_value_stores import EmbeddedStores, KeyValueStore, embedded_stores
from rotation_watcher import keys
from rotation_watcher.errors import Conflict, NewerFormat, RequestRefused
from tests.support import certs
from tests.support.certs import Issued
from tests.support.key_value_client import ARN, unsigned
from tests.support.small_refresh import DAY, SmallRefresh, intermediate, leaf, named
from tests.support.small_world import NAME, START
from tests.unit.cloudfront.runtime import SOURCE, Given, in_quickjs

OTHERS = {"maintenance": "off"}

type Command = Callable[..., int]


@pytest.fixture
def stores() -> Iterator[EmbeddedStores]:
    with embedded_stores() as running:
        yield running


@pytest.fixture
def store(stores: EmbeddedStores) -> KeyValueStore:
    return stores.make(ARN, OTHERS)


@pytest.fixture
def world() -> SmallRefresh:
    """One leaf is accepted and pinned."""
    world = SmallRefresh()
    world.refresh()
    world.publish()
    assert world.pinned == {leaf().fingerprint}
    return world


@pytest.fixture
def client(stores: EmbeddedStores) -> Any:
    return unsigned(stores)


@pytest.fixture
def command(world: SmallRefresh, client: Any) -> Command:
    """The command on the world's pins.json, at the world's time."""

    def run(*, apply: bool = True) -> int:
        stored = world.store.get(keys.pins("main"))
        assert stored is not None
        pins = pins_to_cloudfront.decoded("pins.json", stored.body)
        done = pins_to_cloudfront.run(pins, client, ARN, world.clock(), lambda _: None, apply=apply)
        pins_to_cloudfront.tell(done, as_json=False)
        return done.code

    return run


def verdict(world: SmallRefresh, store: KeyValueStore, presented: Issued) -> str:
    """What the connection function says to a leaf, with the fingerprint as the service shows it."""
    colons = bytes.fromhex(presented.fingerprint).hex(":").upper()
    event = {"clientCertificate": {"certificates": {"leaf": {"sha256Fingerprint": colons}}}}
    return " ".join(in_quickjs(SOURCE.read_text(), Given(event, store.pairs, world.clock())).log.split()[:2])


def another() -> Issued:
    """Another leaf under the same CA, with the right name."""
    return certs.issue(intermediate(), NAME, not_before=START - DAY, extensions=[named("http://crl.example.com/2.crl")])


def test_without_apply_the_plan_is_shown_and_nothing_is_changed(
    command: Command, store: KeyValueStore, stores: EmbeddedStores, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(apply=False) == 1
    shown = capsys.readouterr().out
    assert "would-change" in shown
    assert f"+ {leaf().fingerprint[:16]}" in shown
    assert "1 keys of others, which stay" in shown
    assert (store.pairs, stores.updates) == (OTHERS, [])


def test_the_pinned_leaf_is_let_in_and_a_stranger_of_the_same_ca_and_name_is_not(
    world: SmallRefresh, command: Command, store: KeyValueStore
) -> None:
    assert verdict(world, store, leaf()) == "deny not-pinned"
    assert command() == 0
    assert verdict(world, store, leaf()) == "allow pinned"
    assert verdict(world, store, another()) == "deny not-pinned"
    assert store.pairs.items() >= OTHERS.items()


def test_a_second_run_changes_nothing(command: Command, stores: EmbeddedStores, store: KeyValueStore) -> None:
    assert command() == 0
    etag = store.etag
    assert command() == 0
    assert (store.etag, len(stores.updates)) == (etag, 1)


def test_in_a_rotation_both_leaves_are_let_in_and_the_old_one_goes_with_its_pin(
    world: SmallRefresh, command: Command, store: KeyValueStore
) -> None:
    command()
    new = another()
    world.present((leaf(), (intermediate(),)), (new, (intermediate(),)))
    world.publish()
    assert command() == 0
    assert verdict(world, store, new) == verdict(world, store, leaf()) == "allow pinned"
    world.present((new, (intermediate(),)))
    world.publish()
    assert command() == 0
    assert verdict(world, store, leaf()) == "deny not-pinned"
    assert store.pairs.keys() == {*OTHERS, new.fingerprint}


def test_a_revoked_leaf_is_refused_after_the_next_run_and_the_command_says_so(
    world: SmallRefresh, command: Command, store: KeyValueStore, capsys: pytest.CaptureFixture[str]
) -> None:
    command()
    world.list_leaves(leaf())
    world.refresh()
    world.publish()
    assert command() == 1
    assert verdict(world, store, leaf()) == "deny not-pinned"
    assert store.pairs == OTHERS
    assert "the door refuses everybody" in capsys.readouterr().out


def test_what_somebody_else_writes_between_read_and_update_stays(
    command: Command, stores: EmbeddedStores, store: KeyValueStore
) -> None:
    stores.before_update = lambda: store.put({"theirs": "1"})
    assert command() == 0
    assert store.pairs.keys() == {*OTHERS, "theirs", leaf().fingerprint}


def test_who_loses_every_race_says_so_and_has_changed_nothing(
    command: Command, stores: EmbeddedStores, store: KeyValueStore
) -> None:
    def again() -> None:
        store.put({"theirs": "1"})
        stores.before_update = again

    stores.before_update = again
    with pytest.raises(Conflict, match="somebody else changed it"):
        command()
    assert store.pairs == OTHERS | {"theirs": "1"}
    assert stores.updates == []


def test_a_store_that_holds_something_else_than_was_put_is_no_success(
    command: Command, client: Any, store: KeyValueStore
) -> None:
    def alter(params: dict[str, Any], **_: object) -> None:
        params["Puts"][0]["Value"] = '{"bundle":"main","sources":{"use1":"2044-01-01T00:00:00Z"}}'

    client.meta.events.register("before-parameter-build.cloudfront-keyvaluestore.UpdateKeys", alter)
    with pytest.raises(Conflict, match="does not hold what was put"):
        command()
    assert "2044" in store.pairs[leaf().fingerprint]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", RequestRefused),
        (b"{}", RequestRefused),
        (b'{"format": 1, "bundle": "main"}', RequestRefused),
        (b"\xff\xfe", RequestRefused),
        (b"[" * 100_000, RequestRefused),
        (b'{"format": 99, "bundle": "main", "pins": []}', NewerFormat),
    ],
)
def test_a_file_that_is_no_pins_is_refused_by_its_name(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        pins_to_cloudfront.decoded("bundles/main/pins.json", data)
    assert error is NewerFormat or "bundles/main/pins.json" in str(caught.value)


def test_a_file_that_is_missing_is_one_line_and_code_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = tmp_path / "pins.json"
    assert app.main(["pins-to-cloudfront", "--pins", str(missing), "--store", ARN]) == 3
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n"), str(missing) in printed.err) == ("", 1, True)
