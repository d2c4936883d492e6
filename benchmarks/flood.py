"""One source answers with 10,000 entities (7 MB), the most that are read: how long collect takes, and what it leaves.

Beside the region's own leaf the answer is full of what nobody trusts: another CA's certificates, certificates that
bear the name and the key identifier of the region's root over a broken signature (each costs a check of it), or text in
which no certificate can be read. The answer stays for three runs of the function, a quarter of an hour apart: two to be
sure and one more. Each run is a process of its own, ``benchmarks.flood_run``, and what counts is the time of the
function in it, from its call to its answer; ``benchmarks.init`` has the start. Calls are counted by the embedded AWS.
One entity more is refused; both lists full, the current and the upcoming one, are twice as much, and have no bar.
"""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from benchmarks import apart
from benchmarks.calls import QUARTER, START
from benchmarks.table import FOLDER, Row
from local.aws.calls import Call
from local.base_environment import BUCKET
from local.environment import Environment
from local.genesys.issuing import Identity, issue
from local.genesys.keys import DEFAULT_CACHE
from rotation_watcher.adapters.genesys import MAX_ANSWER, MAX_ENTITIES
from tests.support import certs
from tests.support.small_collect import entity, strangers

REGION = "us-east-1"
RUNS = 3
BARS = {"seconds": 10.0, "object_kb": 256.0, "writes": 20.0}
"""Issue 13, point 8: of the slowest run, of the largest object that was written, and of all three runs together."""
FEWER = 3_000
"""As many certificates as are judged in time on a third of a core; of more, slower machines refuse the answer."""
LENGTH = 640
"""Characters of an entity's text where it is no certificate, so that ten thousand are 7 MB."""
_YEAR = timedelta(days=365)
_LONGER = 8
"""Bytes that an entity may be longer than another of its kind, the comma included."""


class Flood(NamedTuple):
    """What an answer of a kind costs: of its three runs the most, but for ``writes``, which are those of all.

    ``outcomes``: what became of the source in each run, ``read`` or the reason why not. ``seconds`` are those of the
    function on the clock, ``processor`` the same by processor.
    ``last_writes`` are those of the last run, in which nothing was new; ``state_kb`` is what all that was written takes
    together.
    """

    entities: int
    megabytes: float
    outcomes: list[str]
    seconds: float
    processor: float
    peak_mb: float
    writes: int
    last_writes: int
    object_kb: float
    state_kb: float


def forged(number: int, root: Identity) -> list[bytes]:
    """Entities with a certificate that seems to come from the region's root, each with another broken signature."""
    without = (x509.KeyUsage, x509.SubjectKeyIdentifier, x509.BasicConstraints, x509.SubjectAlternativeName)
    true = issue(root, "f", certs.ec_key(), START - _YEAR, START + _YEAR, eku=None, without=without)
    der = true.certificate.public_bytes(Encoding.DER)
    start, found = der[:-4], []
    for place in range(number):
        one = x509.load_der_x509_certificate(start + (int.from_bytes(der[-4:]) ^ (place + 1)).to_bytes(4))
        found.append(entity(one.public_bytes(Encoding.PEM)))
    return found


def texts(number: int, _root: Identity) -> list[bytes]:
    """Entities in which no certificate can be read, each another."""
    return [entity(f"{place:08} ".ljust(LENGTH, "x")) for place in range(number)]


KINDS: dict[str, Callable[[int, Identity], list[bytes]]] = {
    "strangers": lambda number, _root: strangers(number),
    "forged": forged,
    "texts": texts,
}


def answer(entities: Iterable[bytes]) -> bytes:
    """The body of an answer with these entities, all on one page."""
    return b'{"entities":[' + b",".join(entities) + b"]}"


def fitting(one: bytes, own: bytes, number: int) -> int:
    """How many of so many entities an answer may have bytes for: ``own`` and others like ``one``, some bytes longer."""
    return min(number, 1 + (MAX_ANSWER - len(own) - len(answer([]))) // (len(one) + _LONGER))


def written(calls: Iterable[Call]) -> list[str]:
    """The keys of the bucket that these calls wrote or deleted; a call that names no key counts as well."""
    return [call.resource.removeprefix(f"{BUCKET}/") for call in calls if call.service == "s3" and call.mutating]


def measured(kind: str, number: int = MAX_ENTITIES, *, both: bool = False, runs: int = RUNS) -> Flood:
    """What this many entities cost, or as many as an answer may have bytes for; the region's own leaf is among them.

    ``both``: so many upcoming ones besides.
    """
    with Environment(START, DEFAULT_CACHE, world={"root_key_bits": 2048}) as environment:
        region = environment.world.region(REGION, days_left=200)
        environment.add_source("s", REGION)
        environment.configure()
        environment.tick()
        environment.tick()
        own = json.dumps(region.entity(region.presented("Genesys"), "Genesys")).encode()
        make, signer = KINDS[kind], region.issuer("Genesys").signer
        number = fitting(make(1, signer)[0], own, number)
        made = make(2 * number if both else number - 1, signer)
        lists = {"Current": [*made[: number - 1], own]}
        if both:
            lists["Upcoming"] = [one.replace(b'"Current"', b'"Upcoming"') for one in made[number:]]
        bodies = {status: answer(entities) for status, entities in lists.items()}
        _run(environment)  # it leaves its bytecode
        for status, body in bodies.items():
            environment.simulator.play(REGION, "certificates", body=body, for_status=status, times=0)
        size = sum(map(len, bodies.values())) / 1e6
        return _flood(environment, sum(map(len, lists.values())), size, runs)


def _flood(environment: Environment, entities: int, megabytes: float, runs: int) -> Flood:
    told, keys = [], []
    for _ in range(runs):
        environment.aws.calls.clear()
        told.append(_run(environment))
        keys.append(written(environment.aws.calls))
    sizes = _sizes(environment, {key for one in keys for key in one})
    return Flood(
        entities=entities,
        megabytes=megabytes,
        outcomes=[one["outcome"] for one in told],
        seconds=max(one["seconds"] for one in told),
        processor=max(one["processor"] for one in told),
        peak_mb=max(one["peak_mb"] for one in told),
        writes=sum(map(len, keys)),
        last_writes=len(keys[-1]),
        object_kb=max(sizes, default=0) / 1024,
        state_kb=sum(sizes) / 1024,
    )


def _run(environment: Environment) -> dict[str, Any]:
    """What a run tells that looks a quarter of an hour after the last one."""
    environment.clock.advance(QUARTER)
    command = [sys.executable, "-m", "benchmarks.flood_run", environment.clock().isoformat()]
    told: dict[str, Any] = json.loads(apart.run(command, apart.with_bytecode()).printed.splitlines()[-1])
    return told


def _sizes(environment: Environment, keys: set[str]) -> Sequence[int]:
    """The bytes of those of these objects that are there now."""
    pages = environment.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    return [one["Size"] for page in pages for one in page.get("Contents", []) if one["Key"] in keys]


def rows() -> list[Row]:
    """The rows, and build/bench/flood.json."""
    found = {kind: measured(kind) for kind in KINDS}
    fewer, more = measured("strangers", FEWER), measured("strangers", MAX_ENTITIES + 1)
    kept = {**found, "fewer": fewer, "more": more, "both lists": measured("forged", both=True)}
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "flood.json").write_text(json.dumps({name: one._asdict() for name, one in kept.items()}, indent=1))
    largest, writes = (max(getattr(one, name) for one in kept.values()) for name in ("object_kb", "writes"))
    full, bar = kept["both lists"], BARS["seconds"]
    return [
        *(_row(f"an answer of {one.entities} {kind}", one, bar) for kind, one in found.items()),
        *(_row(f"an answer of {one.entities} strangers", one, bar) for one in (fewer, more)),
        _row(f"answers of {full.entities} forged in both lists", full, None),
        Row("each of them, largest object written", f"{largest:.1f} KB", "", None, largest, BARS["object_kb"]),
        Row(f"each of them, S3 writes in {RUNS} runs", f"{writes}", "", None, writes, BARS["writes"]),
    ]


def _row(name: str, one: Flood, bar: float | None) -> Row:
    figure = f"{one.seconds:.1f} s ({one.processor:.1f} s by processor), {one.peak_mb:.0f} MB"
    against = f"{one.megabytes:.1f} MB: {', '.join(dict.fromkeys(one.outcomes))}"
    return Row(name, figure, against, None, one.seconds, bar)
