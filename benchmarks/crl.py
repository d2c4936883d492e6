"""What a revocation list of half a million entries costs, against OpenSSL: ``make bench``.

Two processes take turns: (a) ours reads the DER, judges it with its issuer (signature included), writes PEM and index;
(b) ``openssl crl -CAfile … -noout`` reads the same DER and checks the signature. Each (a) is divided by the (b) that
ran right after it; both from the start of the process to its end. Memory is the most that ours held (VmHWM). Then, in a
process of its own, the index is mapped into memory and asked.
"""

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from local.building import ROOT
from rotation_watcher.x509.crl import MAX_ENTRIES
from tests.support.crls import Entry, crl_der, entry_der, reason
from tests.support.pki import NOW, root, rsa_key

ENTRIES = 500_000
RUNS = 5
LOOK_UPS = 20_000
BARS = {"ratio": 2.5, "megabytes": 200.0, "look_up_us": 10.0}
"""What issue 11 asks for. Figures are printed beside them; nothing fails."""

_MAKE = """
import sys
from datetime import datetime
from pathlib import Path
from rotation_watcher.x509 import crl, revocation_index
from rotation_watcher.x509.certificates import parse_text
from rotation_watcher.x509.crl_refusal import refusal
folder = Path(sys.argv[1])
issuer = parse_text((folder / "ca.pem").read_text()).certificates[0]
found = crl.read((folder / "crl.der").read_bytes())
at = datetime.fromisoformat(sys.argv[2])
assert isinstance(found, crl.Crl), found
assert refusal(found, issuer=issuer, distribution_point="http://a/", at=at, before=None) is None
(folder / "crl.pem").write_bytes(crl.pem_of(found))
(folder / "index").write_bytes(revocation_index.build_index(found, issuer))
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
"""
_ASK = """
import json, mmap, sys, time
from pathlib import Path
from rotation_watcher.x509.revocation_index import Index, open_index
folder, wanted = Path(sys.argv[1]), json.load(sys.stdin)
start = time.perf_counter()
with (folder / "index").open("rb") as file:
    index = open_index(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), issuer_key=wanted["key"])
opened = time.perf_counter() - start
assert isinstance(index, Index), index
assert all(map(index.contains, wanted["revoked"])) and not any(map(index.contains, wanted["others"]))
took = []
for _ in range(5):
    start = time.process_time()
    for serial in wanted["revoked"]:
        index.contains(serial)
    for serial in wanted["others"]:
        index.contains(serial)
    took.append((time.process_time() - start) / (len(wanted["revoked"]) + len(wanted["others"])))
print(json.dumps({"open_ms": opened * 1000, "look_up_us": sorted(took)[2] * 1e6}))
"""


_READ = """
import sys, time
from pathlib import Path
from rotation_watcher.x509 import crl
data = Path(sys.argv[1]).read_bytes()
start = time.process_time()
found = crl.read(data)
took = time.process_time() - start
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]
print(found.code if isinstance(found, crl.CrlDefect) else found.facts.entries, took, int(peak) / 1024)
"""


class Ran(NamedTuple):
    """What a process took: seconds on the wall, seconds of the processor; and what it printed."""

    wall: float
    processor: float
    printed: str


def timed(command: list[str]) -> Ran:
    """Run a process to its end. Raises CalledProcessError if it fails."""
    before, start = os.times(), time.perf_counter()
    done = subprocess.run(command, env=_environment(), capture_output=True, text=True, check=True)
    wall, after = time.perf_counter() - start, os.times()
    processor = after.children_user + after.children_system - before.children_user - before.children_system
    return Ran(wall, processor, done.stdout)


def measure(folder: Path) -> dict[str, Any]:
    """Make the list, take turns, ask the index."""
    issuer = root("Benchmark", key=rsa_key(2048))
    chance = random.Random(11)  # noqa: S311  # figures to compare, not secrets
    revoked = [chance.getrandbits(127) for _ in range(ENTRIES)]
    der = crl_der(issuer, (Entry(serial, reason(1 + number % 5)) for number, serial in enumerate(revoked)))
    (folder / "crl.der").write_bytes(der)
    (folder / "ca.pem").write_text(issuer.pem)
    openssl = ["openssl", "crl", "-inform", "DER", "-in", str(folder / "crl.der"), "-CAfile", str(folder / "ca.pem")]
    pairs = [
        (timed([sys.executable, "-c", _MAKE, str(folder), NOW.isoformat()]), timed([*openssl, "-noout"]))
        for _ in range(RUNS + 1)
    ][1:]
    row = entry_der(Entry((1 << 127) + 1, reason(1)))
    floods = {}
    for count in (MAX_ENTRIES, MAX_ENTRIES + 1):
        (folder / "flood.der").write_bytes(crl_der(issuer, raw=row * count))
        outcome, seconds, megabytes = timed([sys.executable, "-c", _READ, str(folder / "flood.der")]).printed.split()
        floods[count] = {"outcome": outcome, "seconds": float(seconds), "megabytes": float(megabytes)}
    wanted = {
        "key": issuer.read.facts.spki_sha256,
        "revoked": chance.sample(revoked, LOOK_UPS // 2),
        "others": [chance.getrandbits(127) for _ in range(LOOK_UPS // 2)],
    }
    asked = subprocess.run(
        [sys.executable, "-c", _ASK, str(folder)],
        input=json.dumps(wanted),
        env=_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return {
        "entries": ENTRIES,
        "floods": floods,
        "der_megabytes": len(der) / 2**20,
        "index_megabytes": (folder / "index").stat().st_size / 2**20,
        "wall": _ratio([(ours.wall, theirs.wall) for ours, theirs in pairs]),
        "processor": _ratio([(ours.processor, theirs.processor) for ours, theirs in pairs]),
        "megabytes": max(int(ours.printed) for ours, _ in pairs) / 1024,
        **json.loads(asked.stdout),
    }


def main() -> int:
    """Measure; print a table and write build/bench/crl.json."""
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder))
    print(f"a list of {found['entries']} entries, {found['der_megabytes']:.0f} MB")
    for what in ("wall", "processor"):
        one = found[what]
        ratio = one["ratio"]
        print(
            f"{what:10} ours {one['ours']:.2f} s, openssl {one['openssl']:.2f} s; ratio"
            f" {ratio['median']:.2f} ({ratio['min']:.2f} to {ratio['max']:.2f}), bar {BARS['ratio']}"
        )
    print(f"{'peak':10} {found['megabytes']:.0f} MB, bar {BARS['megabytes']:.0f}")
    print(f"{'index':10} {found['index_megabytes']:.1f} MB, opened in {found['open_ms']:.0f} ms")
    print(f"{'look-up':10} {found['look_up_us']:.1f} µs, bar {BARS['look_up_us']:.0f}")
    for count, one in found["floods"].items():
        print(
            f"{'flood':10} {count} entries: {one['outcome']}, read in {one['seconds']:.1f} s, {one['megabytes']:.0f} MB"
        )
    place = ROOT / "build/bench/crl.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(found, indent=1))
    return 0


def _ratio(pairs: list[tuple[float, float]]) -> dict[str, Any]:
    ratios = [ours / theirs for ours, theirs in pairs]
    return {
        "ratio": {"min": min(ratios), "median": statistics.median(ratios), "max": max(ratios)},
        "ours": statistics.median(ours for ours, _ in pairs),
        "openssl": statistics.median(theirs for _, theirs in pairs),
    }


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT / "layers/rotation_watcher")}


if __name__ == "__main__":
    sys.exit(main())
