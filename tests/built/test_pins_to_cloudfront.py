"""``pins-to-cloudfront`` as its operator runs it: a process of its own, with the SDK that signs with SigV4A."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from local.aws.key_value_stores import HOST, EmbeddedStores, KeyValueStore, embedded_stores
from rotation_watcher import keys
from tests.support.small_refresh import SmallRefresh, leaf

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-cloudfront" / "bin" / "python"
ARN = "arn:aws:cloudfront::123456789012:key-value-store/00000000-0000-0000-0000-000000000001"


@pytest.fixture
def stores() -> Iterator[EmbeddedStores]:
    with embedded_stores(signed=True) as running:
        yield running


@pytest.fixture
def store(stores: EmbeddedStores) -> KeyValueStore:
    return stores.make(ARN, {"maintenance": "off"})


@pytest.fixture
def pins(tmp_path: Path) -> Path:
    """A pins.json that publish wrote."""
    world = SmallRefresh()
    world.refresh()
    world.publish()
    stored = world.store.get(keys.pins("main"))
    assert stored is not None
    path = tmp_path / "pins.json"
    path.write_bytes(stored.body)
    return path


def run(stores: EmbeddedStores, pins: Path, *more: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "AWS_ENDPOINT_URL_CLOUDFRONT_KEYVALUESTORE": f"http://{HOST}",
        "AWS_ACCESS_KEY_ID": "AKIAEMBEDDEDAWS00000",
        "AWS_SECRET_ACCESS_KEY": "embedded-aws-takes-any-secret",
        "AWS_EC2_METADATA_DISABLED": "true",
        "http_proxy": stores.proxy,
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT / "cli", ROOT / "layers" / "rotation_watcher"))),
    }
    command = [str(PYTHON), "-m", "genesys_certs", "pins-to-cloudfront", "--pins", str(pins), "--store", ARN, *more]
    return subprocess.run(
        command,
        env=environment | {"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_it_signs_with_sigv4a_applies_and_is_then_in_step(
    stores: EmbeddedStores, store: KeyValueStore, pins: Path
) -> None:
    planned = run(stores, pins)
    assert (planned.returncode, planned.stderr, stores.updates) == (1, "", [])
    applied = run(stores, pins, "--apply")
    assert (applied.returncode, applied.stderr) == (0, "")
    assert store.pairs.keys() == {"maintenance", leaf().fingerprint}
    again = run(stores, pins, "--apply")
    assert (again.returncode, "unchanged" in again.stdout, len(stores.updates)) == (0, True, 1)


def test_a_store_of_another_bundle_is_refused_in_one_line(
    stores: EmbeddedStores, store: KeyValueStore, pins: Path
) -> None:
    value = msgspec.json.encode({"bundle": "partners", "sources": {"use1": "2045-01-01T00:00:00Z"}}).decode()
    store.put({leaf().fingerprint: value})
    refused = run(stores, pins, "--apply")
    assert (refused.returncode, refused.stderr.count("\n"), stores.updates) == (3, 1, [])
    assert "a store belongs to one bundle" in refused.stderr
