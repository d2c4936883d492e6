"""Files under a KMS key of the operator's: whether a service reads them, and whether by its caller's right to the key.

Who may not decrypt is a session of the operator's role whose policy denies it. The key is used and in nothing changed:
what a service says of one that is disabled is not asked.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from genesys_certs.conformance.asking import refusal
from genesys_certs.conformance.bench import BucketBench
from genesys_certs.conformance.model import Answer, Probe, not_asked
from genesys_certs.conformance.workshop import Place
from rotation_watcher.adapters.aws_errors import code, words

_ALL: dict[str, Any] = {"Effect": "Allow", "Action": "*", "Resource": "*"}
_NO_KEY: dict[str, Any] = {"Effect": "Deny", "Action": "kms:Decrypt", "Resource": "*"}
_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnauthorizedException")

USES = (
    ("kms_key", "the KMS key that you named, for some files in that bucket (requests for less than 0.01 USD)"),
    ("role", "the role that you named, in sessions with fewer permissions than it has"),
)
"""What a suite uses."""


class Sealed(NamedTuple):
    """An object under the operator's key."""

    content: bytes
    place: Place


class Change[Bench: BucketBench](NamedTuple):
    """What lets a service read. ``ask``: in the name of a client (None: the bench's own). Raises ClientError."""

    words: str
    make: Callable[[Bench], bytes]
    ask: Callable[[Bench, Sealed, Any], Answer]


def a_root(bench: BucketBench) -> bytes:
    """A bundle of one new root."""
    return bench.material.root().pem


def _sealed[Bench: BucketBench](bench: Bench, change: Change[Bench]) -> Sealed:
    """Without a bucket key: so each reading asks KMS."""
    content = change.make(bench)
    return Sealed(content, bench.workshop.put_under(bench.options.kms_key, bench.bucket, "sealed.pem", content))


def _read[Bench: BucketBench](change: Change[Bench]) -> Callable[[Bench], Answer]:
    """In the name of the caller, who may use the key."""

    def probe(bench: Bench) -> Answer:
        file = _sealed(bench, change)
        try:
            return change.ask(bench, file, None)
        except ClientError as error:
            return refusal(error, means=_DENIED)

    return probe


def _denied[Bench: BucketBench](api: str, change: Change[Bench]) -> Callable[[Bench], Answer]:
    """In the name of a session that may do all that the role may but use the key; before that, of one that may."""

    def session(bench: Bench, *statements: dict[str, Any]) -> Any:
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        return bench.services.restricted(api, bench.options.role, policy)

    def probe(bench: Bench) -> Answer:
        file = _sealed(bench, change)
        try:
            change.ask(bench, file, session(bench, _ALL))
        except ClientError as error:
            return not_asked(f"the role may not do it with the key, either: {words(error)}", code(error))
        file = _sealed(bench, change)
        try:
            return change.ask(bench, file, session(bench, _ALL, _NO_KEY))
        except ClientError as error:
            return refusal(error, means=_DENIED)

    return probe


def probes[Bench: BucketBench](service: str, api: str, changes: Mapping[str, Change[Bench]]) -> tuple[Probe, ...]:
    """The questions about a key. ``api``: the SDK's name of the service."""
    return tuple(
        probe
        for name, change in changes.items()
        for probe in (
            Probe(f"{service}.kms.{name}", f"{change.words} under a KMS key.", _read(change), wants=("kms_key",)),
            Probe(
                f"{service}.kms.denied-{name}",
                f"{change.words} under a KMS key, for somebody who may not decrypt.",
                _denied(api, change),
                wants=("kms_key", "role"),
            ),
        )
    )
