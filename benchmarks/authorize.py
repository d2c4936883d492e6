"""What the authorizer costs: a warm decision, with and without a huge index, and the libraries of its one GET.

Decisions are made in one process, each timed alone, by the whole use case (event, decision, answer, log line), with a
policy of ten regions. A leaf that is pinned costs a digest; one that is known by issuer and name a signature of
RSA-4096 when it comes for the first time (``first_issued``). Imports are timed in fresh interpreters that take turns,
and each divided by the bare imports that ran before it: exactly the third-party modules that the authorizer ends up
with. ``make bench`` runs it after ``benchmarks.init``, which measures the built function the same way.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from local.building import ROOT
from rotation_watcher.adapters.mapped import MappedFiles
from rotation_watcher.authorize import Ports, authorize
from rotation_watcher.identity.door import Door
from rotation_watcher.identity.waking import Waker
from rotation_watcher.revocation.points import folder_of
from tests.support.fake_door import FakeLooks, FakeObjects, event, index
from tests.support.fakes import ManualClock
from tests.support.pki import CLIENT, NAME, NOW, Pair, make, rsa_key, usage

DECISIONS = 5_000
FIRST = 300
ENTRIES = 500_000
LIST = "http://crl.example.com/root.crl"
RUNS = 7
BARS = {"warm_p99_ms": 0.3, "indexed_p99_ms": 1.0, "import_ratio": 1.25}
"""What issue 11 asks for. Figures are printed beside them; nothing fails."""
GETTERS = {
    "boto3, with a client": "import boto3; boto3.client('s3', region_name='us-east-1')",
    "httpx + botocore.auth": "import httpx, botocore.auth, botocore.awsrequest, botocore.credentials",
    "httpcore + botocore.auth": "import httpcore, botocore.auth, botocore.awsrequest, botocore.credentials",
    "urllib3 + botocore.auth": "import urllib3, botocore.auth, botocore.awsrequest, botocore.credentials",
}
"""Ways to do one signed GET; the last is what the authorizer has."""
ENVIRONMENT = {
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "BUCKET": "bucket",
    "BUNDLE": "main",
    "COLLECT_FUNCTION": "collect",
}

_IMPORT = """
import sys, time, json
start = time.perf_counter()
exec(sys.argv[1])
took = time.perf_counter() - start
outside = [n for n, m in list(sys.modules.items()) if "site-packages" in (getattr(m, "__file__", None) or "")]
print(json.dumps([took, outside]))
"""


def decisions() -> dict[str, float]:
    """The 99th percentile and the median of warm decisions, in milliseconds."""
    ca = make("Regional root", ca=True, key=rsa_key(4096))
    where = x509.CRLDistributionPoints(
        [x509.DistributionPoint([x509.UniformResourceIdentifier(LIST)], None, None, None)]
    )
    given: dict[str, Any] = {"eku": CLIENT, "key": rsa_key(2048), "extra": [(where, False)]}
    given |= {"names": (NAME,), "key_usage": usage(signs_certificates=False)}
    pinned, renewed, *others = (make(NAME, ca, **given) for _ in range(2 + FIRST))
    policy = _policy(ca, pinned)
    small = index(ca, 1)
    huge = index(ca, *range(1 << 120, (1 << 120) + ENTRIES))
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, body in (("warm", small), ("indexed", huge)):
            for kind, leaf in (("pinned", pinned), ("issued", renewed)):
                ports = _ports(policy, body, Path(folder))
                asked = event(leaf.pem, "http-2.0-simple")
                while "remark" in (told := authorize(asked, ports)["context"]):  # until the index is in force
                    pass
                if told["reason"] != kind:
                    raise RuntimeError(f"{kind} is {told['reason']}")
                found |= _figures(f"{name}_{kind}", [_timed(asked, ports) for _ in range(DECISIONS)])
        ports = _ports(policy, small, Path(folder))
        authorize(event(pinned.pem, "http-2.0-simple"), ports)
        found |= _figures("first_issued", [_timed(event(one.pem, "http-2.0-simple"), ports) for one in others])
    return found


def _figures(name: str, took: list[float]) -> dict[str, float]:
    return {
        f"{name}_p99_ms": sorted(took)[len(took) * 99 // 100] * 1000,
        f"{name}_median_ms": statistics.median(took) * 1000,
    }


def imports() -> dict[str, float]:
    """The authorizer's start over its bare imports, and each getter's start in milliseconds; medians."""
    whole = "sys.path.insert(0, 'functions/authorize'); import app"
    _, outside = _import(whole)
    floor = "import importlib; [importlib.import_module(name) for name in json.loads(sys.argv[2])]"
    pairs = [(_import(floor, json.dumps(outside))[0], _import(whole)[0]) for _ in range(RUNS + 1)][1:]
    found = {
        "import_ratio": statistics.median(ours / bare for bare, ours in pairs),
        "import_ms": statistics.median(ours for _, ours in pairs) * 1000,
        "import_floor_ms": statistics.median(bare for bare, _ in pairs) * 1000,
    }
    rounds = [{name: _import(code)[0] for name, code in GETTERS.items()} for _ in range(RUNS + 1)][1:]
    return found | {name: statistics.median(one[name] for one in rounds) * 1000 for name in GETTERS}


def main() -> int:
    """Measure, print, and write build/bench/authorize.json."""
    found = decisions() | imports()
    for name, figure in found.items():
        bar = bar_of(name)
        print(f"{name:28}{figure:9.3f}{f'   bar {bar}' if bar else ''}")
    place = ROOT / "build/bench/authorize.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(found, indent=1))
    return 0


def bar_of(name: str) -> float | None:
    """The bar of a figure, if there is one."""
    return next((limit for what, limit in BARS.items() if what == name or _is_of(name, what)), None)


def _is_of(name: str, bar: str) -> bool:
    first, _, rest = bar.partition("_")
    return name.startswith(f"{first}_") and name.endswith(rest) and rest.startswith("p99")


def _timed(asked: dict[str, Any], ports: Ports) -> float:
    start = time.perf_counter()
    authorize(asked, ports)
    return time.perf_counter() - start


def _ports(policy: dict[str, Any], body: bytes, folder: Path) -> Ports:
    clock = ManualClock(NOW)
    objects = FakeObjects(clock)
    objects.held["bundles/main/identity.json"] = json.dumps(policy).encode()
    (followed,) = policy["lists"]
    objects.publish_index(followed["folder"], body)
    with Path(os.devnull).open("w") as nothing:
        sink = os.dup(nothing.fileno())
    out = os.fdopen(sink, "w")

    def now() -> datetime:
        datetime.now(UTC)  # what asking for the time costs; the certificates are valid at another
        return clock()

    door = Door(objects, "main", MappedFiles(folder), now)
    return Ports(
        door, Waker(objects, FakeLooks(), now), lambda entry: print(json.dumps({**entry}), file=out, flush=True)
    )


def _policy(ca: Pair, leaf: Pair) -> dict[str, Any]:
    """Ten regions, of which the last is the leaf's: each with a rule and three pins."""
    issuer = {"sha256": "0" * 64, "key": ca.read.facts.spki_sha256, "pem": ca.pem}
    rules: list[dict[str, Any]] = []
    pins: list[dict[str, Any]] = []
    for number in range(10):
        who = {"source": f"s{number}", "region": f"us-east-{number}", "authority": "Genesys"}
        last = number == 9  # noqa: PLR2004  # the tenth
        names = [NAME if last else f"other{number}.example.com"]
        rules.append(who | {"mode": "issued", "unknown": "strict", "names": names, "issuers": [issuer]})
        digests = [f"{number}{n}".ljust(64, "0") for n in range(2)] + [leaf.raw.fingerprint(SHA256()).hex()] * last
        pins += [
            who | {"sha256": one, "until": None, "lifted": [], "issuer_key": ca.read.facts.spki_sha256}
            for one in digests
        ]
    lists = [{"issuer_key": ca.read.facts.spki_sha256, "folder": _folder(ca)}]
    return {"format": 1, "bundle": "main", "rules": rules, "pins": pins, "lists": lists, "revoked": []}


def _folder(ca: Pair) -> str:
    return folder_of(ca.read, {LIST: {LIST}}, ca=False)


def _import(code: str, *more: str) -> tuple[float, list[str]]:
    """The seconds that a piece of code takes in a fresh interpreter, and the third-party modules that it then has."""
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT, code, *more],
        cwd=ROOT,
        env=ENVIRONMENT
        | {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "PYTHONPYCACHEPREFIX") if name in os.environ},
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, outside = json.loads(done.stdout)
    return seconds, outside


if __name__ == "__main__":
    sys.exit(main())
