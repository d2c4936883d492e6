"""Run the code of an earlier release over some state: ``python former.py release.zip``, the objects as JSON on stdin.

It runs by itself, with nothing of today's package: the zip comes first. On stdout: what collect and publish said, and
the keys that they wrote. Genesys and the target cannot be reached, so that nothing is written but what was read.
"""

import hashlib
import json
import sys
from datetime import UTC, datetime, timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import Any

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
ARN = "arn:aws:elasticloadbalancing:us-east-1:123456789012:truststore/alb/0123456789abcdef"


class Store:
    """A bucket in memory that remembers what is written."""

    bucket = "watcher"

    def __init__(self, objects: dict[str, str], ports: Any) -> None:
        self._objects = {key: body.encode() for key, body in objects.items()}
        self._ports = ports
        self.written: list[str] = []

    def get(self, key: str, *, version: str | None = None) -> Any:
        """One object."""
        body = self._objects.get(key)
        return None if body is None else self._ports.StoredObject(body, self._etag(key), version)

    def put(self, key: str, body: bytes, *, content_type: str) -> Any:
        """Write."""
        del content_type
        self.written.append(key)
        self._objects[key] = body
        return self._ports.Written(self._etag(key), "v")

    def put_if(self, key: str, body: bytes, *, etag: str | None, content_type: str) -> Any:
        """Write over what was read."""
        assert etag == (self._etag(key) if key in self._objects else None)
        return self.put(key, body, content_type=content_type)

    def list(self, prefix: str) -> list[str]:
        """The keys below a prefix."""
        return sorted(key for key in self._objects if key.startswith(prefix))

    def etags(self, prefix: str, *, after: str = "", skip: str = "") -> dict[str, str]:
        """The same, with their ETags."""
        left = [key for key in self.list(prefix) if not (skip and key.startswith(skip))]
        return {key: self._etag(key) for key in left if key > after}

    def _etag(self, key: str) -> str:
        return hashlib.sha256(self._objects[key]).hexdigest()


def main() -> None:
    """Run both use cases."""
    sys.path.insert(0, sys.argv[1])
    names = ("collect", "publish", "config", "ports", "errors", "arns")
    collect, publish, config, ports, errors, arns = (import_module(f"rotation_watcher.{name}") for name in names)
    assert str(collect.__file__).startswith(sys.argv[1]), collect.__file__
    store = Store(json.load(sys.stdin), ports)
    source = {
        "id": "use1",
        "region": "us-east-1",
        "credentials": "arn:aws:ssm:us-east-1:123456789012:parameter/genesys",
    }
    document = {
        "mode": "apply",
        "sources": [source],
        "bundles": [{"id": "main", "sources": ["use1"], "authorities": ["Genesys"]}],
        "targets": [{"id": "alb", "arn": ARN, "bundle": "main"}],
    }
    watch = config.from_document(document, stack_region="us-east-1")

    def unread(*_: Any, **__: Any) -> Any:
        raise errors.SourceError(errors.SourceReason.CREDENTIALS_MISSING, "no secret here")

    def unreadable(*_: Any, **__: Any) -> Any:
        raise errors.TargetDenied("no permission here")

    nothing = SimpleNamespace(count=lambda *_: None, deliver=lambda *_: None, send=lambda *_: None)
    looked = collect.collect(
        watch,
        collect.Request(),
        collect.Ports(
            store=store,
            secrets=SimpleNamespace(get=unread),
            genesys=None,
            sink=nothing,
            queue=nothing,
            metrics=nothing,
            clock=lambda: NOW,
        ),
    )
    published = publish.publish(
        watch,
        publish.Request(targets=("alb",)),
        publish.Ports(
            store=store,
            targets={kind: SimpleNamespace(read=unreadable) for kind in arns.TargetKind},
            sink=nothing,
            queue=nothing,
            clock=lambda: NOW,
            wait=lambda _: None,
            owner="former",
            claim_for=timedelta(minutes=6),
        ),
    )
    said = {"collect": looked.sources["use1"], "publish": published.targets["alb"]}
    answer = {name: {"outcome": one.outcome, "message": one.message} for name, one in said.items()}
    print(json.dumps({**answer, "written": store.written}))  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
