import threading
from pathlib import Path

import pytest

from local.genesys.keys import KeyStore


def test_a_purpose_keeps_its_key_across_stores_and_leaves_no_other_file_behind(tmp_path: Path) -> None:
    first = KeyStore(tmp_path).rsa("us-east-1/root-1", 2048)
    second = KeyStore(tmp_path).rsa("us-east-1/root-1", 2048)

    assert first.private_numbers() == second.private_numbers()
    assert [each.name for each in tmp_path.iterdir()] == ["us-east-1_root-1-rsa2048.pem"]


def test_another_purpose_or_size_is_another_key(tmp_path: Path) -> None:
    store = KeyStore(tmp_path)
    one, other, larger = store.rsa("a"), store.rsa("b"), store.rsa("a", 3072)

    assert len({each.private_numbers().d for each in (one, other, larger)}) == 3
    assert (one.key_size, larger.key_size) == (2048, 3072)


def test_stores_that_race_for_a_purpose_end_with_one_key(tmp_path: Path) -> None:
    stores = [KeyStore(tmp_path) for _ in range(6)]
    found: list[int] = []
    gate = threading.Barrier(len(stores))

    def take(store: KeyStore) -> None:
        gate.wait()
        found.append(store.rsa("raced").private_numbers().d)

    threads = [threading.Thread(target=take, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 6
    assert set(found) == {KeyStore(tmp_path).rsa("raced").private_numbers().d}


def test_preparing_makes_the_files_of_all_that_is_wanted(tmp_path: Path) -> None:
    KeyStore(tmp_path).prepare([("a", 2048), ("b", 2048)])

    assert {each.name for each in tmp_path.iterdir()} == {"a-rsa2048.pem", "b-rsa2048.pem"}


def test_a_file_that_holds_no_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broken-rsa2048.pem").write_text("not a key")

    with pytest.raises(ValueError, match="PEM"):
        KeyStore(tmp_path).rsa("broken")
