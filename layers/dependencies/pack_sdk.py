"""Reduce the AWS SDK in a layer to the services that the functions use: ``pack_sdk.py <the layer's python folder>``.

Of botocore's data stay the files that all services share, and the models of ``services.txt``: without their
documentation and examples, which nothing reads and every cold start would have to parse; and the list of endpoints has
no other services. Each file that is changed says so in itself, as its licence (Apache 2.0, 4b) asks. Shapes, members
and rules stay as they are. Run by ``layers/Makefile`` (docs/decisions/0051); the same input gives the same bytes.
"""

import gzip
import json
import shutil
import sys
from pathlib import Path
from typing import Any

SERVICES = Path(__file__).with_name("services.txt")
NOTE = "Changed by the certificate rotation watcher: the documentation of this model was taken out."
OTHERS = "Changed by the certificate rotation watcher: services that it does not use were taken out."
_UNREAD = ("examples-1.json", "examples-1.json.gz")
_DESCRIBED = ("operations", "shapes")
"""The parts of a model whose texts botocore does without: of context parameters it reads them at every call."""


def pack(home: Path, services: list[str]) -> None:
    """Reduce boto3 and botocore below ``home``. Raises SystemExit for a service that botocore does not know."""
    data = home / "botocore" / "data"
    if unknown := [name for name in services if not (data / name).is_dir()]:
        raise SystemExit(f"{SERVICES.name}: botocore has no service {', '.join(unknown)}")
    for folder in sorted(data.iterdir()):
        if folder.is_dir() and folder.name not in services:
            shutil.rmtree(folder)
    for name in ("data", "examples"):  # of resources, which are not used
        shutil.rmtree(home / "boto3" / name)
    for path in sorted(data.glob("*/*/*")):
        if path.name in _UNREAD:
            path.unlink()
        elif path.name.endswith(".json.gz"):  # plain: the layer is compressed as a whole
            model = json.loads(gzip.decompress(path.read_bytes()))
            if path.name.startswith("service-2."):
                parts = {name: _without_documentation(model[name]) for name in _DESCRIBED}
                model = {**model, **parts, "documentation": NOTE}
            _write(path.with_suffix(""), model)
            path.unlink()
    models = [json.loads(path.read_bytes()) for path in data.glob("*/*/service-2.json")]
    _reduce_endpoints(data / "endpoints.json", {model["metadata"]["endpointPrefix"] for model in models})


def _reduce_endpoints(path: Path, prefixes: set[str]) -> None:
    endpoints = json.loads(path.read_bytes())
    for partition in endpoints["partitions"]:
        partition["services"] = {name: one for name, one in partition["services"].items() if name in prefixes}
    _write(path, {"comment": OTHERS, **endpoints})


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, separators=(",", ":"), ensure_ascii=False), encoding="utf-8")


def _without_documentation(model: dict[str, Any]) -> dict[str, Any]:
    """A model without the texts that describe it; a member or shape that is named ``documentation`` is no text."""
    return {
        key: _plain(value) for key, value in model.items() if not (key == "documentation" and isinstance(value, str))
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return _without_documentation(value)
    return [_plain(one) for one in value] if isinstance(value, list) else value


if __name__ == "__main__":
    pack(Path(sys.argv[1]), SERVICES.read_text(encoding="utf-8").split())
