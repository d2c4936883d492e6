"""The key value store through the SDK, against the embedded one; unsigned, as signing with SigV4A needs awscrt."""

from collections.abc import Iterator
from typing import Any

import pytest

from genesys_certs import key_value_store
from local.aws.key_value_stores import (
    HOST,
    LARGEST_STORE,
    LARGEST_VALUE,
    LONGEST_KEY,
    EmbeddedStores,
    KeyValueStore,
    embedded_stores,
)
from rotation_watcher.adapters import clients
from rotation_watcher.bundles.cloudfront_pins import UpdateKeys
from rotation_watcher.errors import Conflict, StoreError
from tests.support.key_value_client import ARN, unsigned

MANY = {f"key-{number:03}": "x" for number in range(120)}


@pytest.fixture
def stores() -> Iterator[EmbeddedStores]:
    with embedded_stores() as running:
        yield running


@pytest.fixture
def client(stores: EmbeddedStores) -> Any:
    return unsigned(stores)


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def store(stores: EmbeddedStores) -> KeyValueStore:
    return stores.make(ARN, MANY)


def put(**pairs: str) -> UpdateKeys:
    return {"Puts": [{"Key": key, "Value": value} for key, value in pairs.items()]}


def test_all_pages_are_read(store: KeyValueStore, client: Any, pauses: list[float]) -> None:
    held = key_value_store.read(client, ARN, pauses.append)
    assert (held.pairs, held.etag, pauses) == (MANY, store.etag, [])


def test_an_update_gives_the_version_that_is_then_read(store: KeyValueStore, client: Any, pauses: list[float]) -> None:
    requests: list[UpdateKeys] = [put(new="1"), {"Deletes": [{"Key": "key-000"}]}]
    etag = key_value_store.update(client, ARN, store.etag, requests)
    held = key_value_store.read(client, ARN, pauses.append, awaited=etag)
    assert held.pairs == {key: value for key, value in MANY.items() if key != "key-000"} | {"new": "1"}


def test_a_change_of_somebody_else_is_a_conflict_and_nothing_is_lost(store: KeyValueStore, client: Any) -> None:
    before = store.etag
    store.put({"theirs": "1"})
    with pytest.raises(Conflict, match="somebody else changed it"):
        key_value_store.update(client, ARN, before, [put(new="1")])
    assert store.pairs == MANY | {"theirs": "1"}


def test_a_read_that_shows_the_former_version_is_repeated(
    store: KeyValueStore, client: Any, pauses: list[float]
) -> None:
    etag = key_value_store.update(client, ARN, store.etag, [put(new="1")])
    store.stale_reads = 5
    assert key_value_store.read(client, ARN, pauses.append, awaited=etag).pairs["new"] == "1"
    assert pauses == [key_value_store.PAUSE]


def test_a_version_that_never_shows_is_named(store: KeyValueStore, client: Any, pauses: list[float]) -> None:
    with pytest.raises(Conflict, match=f"it shows {store.etag} instead of KVNEVER, 6 times"):
        key_value_store.read(client, ARN, pauses.append, awaited="KVNEVER")
    assert len(pauses) == key_value_store.READS - 1


def test_a_store_that_changes_between_its_pages_is_read_again(
    store: KeyValueStore, client: Any, pauses: list[float]
) -> None:
    listings = iter([{"between": "1"}, {}])

    def change(**_: object) -> None:
        if pairs := next(listings, {}):
            store.put(pairs)

    client.meta.events.register("before-send.cloudfront-keyvaluestore.ListKeys", change)
    assert key_value_store.read(client, ARN, pauses.append).pairs == MANY | {"between": "1"}
    assert len(pauses) == 1


@pytest.mark.parametrize(
    ("arn", "words"),
    [
        ("arn:aws:cloudfront::123456789012:key-value-store/gone", "compare the ARN"),
        ("arn:aws:cloudfront::123456789012:distribution/E1", "Expected `key-value-store`"),
        ("not an arn", "must be a valid ARN"),
    ],
)
def test_a_store_that_cannot_be_read_is_named_with_the_way_out(
    stores: EmbeddedStores, client: Any, pauses: list[float], arn: str, words: str
) -> None:
    stores.make(ARN)
    with pytest.raises(StoreError, match=words) as caught:
        key_value_store.read(client, arn, pauses.append)
    assert arn in str(caught.value)


def test_where_awscrt_is_missing_the_error_says_how_to_get_it(pauses: list[float]) -> None:
    client = clients.make("cloudfront-keyvaluestore", region="us-east-1", endpoint_url=f"http://{HOST}")
    with pytest.raises(StoreError, match=r"awscrt.*pipx install --force '\.\[cloudfront\]'"):
        key_value_store.read(client, ARN, pauses.append)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (put(**{f"new-{number}": "1" for number in range(51)}), "ServiceQuotaExceededException"),
        (put(**{"k" * (LONGEST_KEY + 1): "1"}), "ServiceQuotaExceededException"),
        (put(large="x" * (LARGEST_VALUE + 1)), "ServiceQuotaExceededException"),
        ({"Deletes": [{"Key": "no such key"}]}, "ResourceNotFoundException"),
        (put(new="1") | {"Deletes": [{"Key": "new"}]}, "ValidationException"),
        ({}, "ValidationException"),
    ],
)
def test_what_the_service_does_not_take_changes_nothing(
    store: KeyValueStore, client: Any, request_: UpdateKeys, code: str
) -> None:
    with pytest.raises(StoreError, match=code):
        key_value_store.update(client, ARN, store.etag, [request_])
    assert store.pairs == MANY


def test_a_full_store_takes_nothing_more(stores: EmbeddedStores, client: Any) -> None:
    full = {f"{number:04}": "x" * 1020 for number in range(LARGEST_STORE // 1024)}
    store = stores.make(ARN, full)
    with pytest.raises(StoreError, match="the store is full"):
        key_value_store.update(client, ARN, store.etag, [put(new="1")])
    assert store.pairs == full


def test_a_store_that_wants_signatures_refuses_an_unsigned_request(
    stores: EmbeddedStores, client: Any, pauses: list[float]
) -> None:
    stores.make(ARN)
    stores.signed = True
    with pytest.raises(StoreError, match=r"AccessDeniedException.*allow DescribeKeyValueStore"):
        key_value_store.read(client, ARN, pauses.append)
