"""What ``sam build`` made, for Lambda's processor and for this machine's: nothing missing, nothing too much."""

import re
from pathlib import Path

import pytest

from local.building import MACHINE, ROOT, Architecture, built
from tests.support.functions import LOGICAL_NAMES

LARGEST_LAYER = 25_000_000
"""Bytes unzipped that the dependencies layer may have. Lambda takes 250 MB for a function and its layers."""
ELF_MACHINES = {"arm64": 0xB7, "x86_64": 0x3E}
"""``e_machine`` of an ELF file (System V ABI): AArch64 and x86-64."""
SOURCE = ROOT / "layers/rotation_watcher/rotation_watcher"
BUILDS: list[Architecture] = sorted({"arm64", MACHINE})


@pytest.fixture(scope="module", params=BUILDS)
def build(request: pytest.FixtureRequest) -> Path:
    return built(request.param)


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_the_watchers_package_is_there_once_and_byte_for_byte(build: Path) -> None:
    homes = [path.relative_to(build) for path in build.rglob("rotation_watcher") if path.is_dir()]
    assert homes == [Path("WatcherLayer/python/rotation_watcher")]
    packed = build / homes[0]
    expected = [name for name in files(SOURCE) if "__pycache__" not in name]
    assert files(packed) == expected
    assert len(expected) > 40
    assert not [name for name in expected if (packed / name).read_bytes() != (SOURCE / name).read_bytes()]


def test_the_watchers_layer_holds_nothing_else(build: Path) -> None:
    assert [path.name for path in (build / "WatcherLayer").iterdir()] == ["python"]
    assert [path.name for path in (build / "WatcherLayer/python").iterdir()] == ["rotation_watcher"]


def test_what_the_runtime_brings_is_not_packed(build: Path) -> None:
    tops = {path.name.lower() for path in (build / "DependenciesLayer/python").iterdir()}
    assert not [name for name in tops if re.match(r"(boto3|botocore|s3transfer|awscrt)\b", name)]
    assert {"cryptography", "httpx", "msgspec", "aws_lambda_powertools", "yaml"} <= tops


@pytest.mark.parametrize("architecture", BUILDS)
def test_every_shared_object_is_for_the_right_processor(architecture: Architecture) -> None:
    objects = sorted(built(architecture).rglob("*.so*"))
    assert len(objects) >= 3
    for path in objects:
        head = path.read_bytes()[:20]
        assert head[:4] == b"\x7fELF", path
        assert int.from_bytes(head[18:20], "little") == ELF_MACHINES[architecture], path


def test_the_dependencies_are_the_locked_ones_and_small(build: Path) -> None:
    layer = build / "DependenciesLayer/python"
    lock = (ROOT / "layers/dependencies/requirements.txt").read_text()
    locked = {(n.lower().replace("-", "_"), v) for n, v in re.findall(r"^([\w.-]+)==([^\s;\\]+)", lock, re.MULTILINE)}
    found = [path.name.removesuffix(".dist-info") for path in layer.glob("*.dist-info")]
    packed = {(name.lower().replace("-", "_"), version) for name, _, version in (each.partition("-") for each in found)}
    elsewhere = {name for name, _ in locked - packed}
    assert packed <= locked
    assert elsewhere <= {"colorama", "typing_extensions"}, "only what other platforms or Pythons need is left out"
    size = sum(path.stat().st_size for path in layer.rglob("*") if path.is_file())
    assert size < LARGEST_LAYER


def test_a_functions_folder_is_its_handler_alone(build: Path) -> None:
    for code, name in LOGICAL_NAMES.items():
        folder = build / f"{name}Function"
        assert files(folder) == ["app.py"]
        assert (folder / "app.py").read_bytes() == (ROOT / f"functions/{code}/app.py").read_bytes()


def test_nothing_of_the_workshop_is_packed(build: Path) -> None:
    ours = {"tests", "local", "benchmarks", "docs", "events", "scripts"}
    for place in build.iterdir():
        tops = {path.name for path in [*place.glob("*"), *place.glob("python/*")]} if place.is_dir() else set()
        assert not tops & ours, place
    names = files(build)
    assert not [name for name in names if name.endswith((".pyc", ".key", ".pem~")) or "__pycache__" in name]
    assert not [name for name in names if "/python/bin/" in name]


def test_only_the_processor_distinguishes_the_builds() -> None:
    def without_binaries(build: Path) -> set[str]:
        binary = re.compile(r"\.so|\.dist-info/")  # wheels describe the processor that they are for
        return {name for name in files(build) if not binary.search(name)}

    first, *others = [without_binaries(built(each)) for each in BUILDS]
    assert all(other == first for other in others)
    for name in first:
        texts = {(built(each) / name).read_bytes() for each in BUILDS}
        assert len(texts) == 1, name
