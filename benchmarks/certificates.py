"""A thousand certificates through all that the watcher does with them, against OpenSSL reading the same file.

The file is what a target holds: CAs of a thousand names, RSA-2048, each signed by itself. It is read as a truststore,
which proves as well that OpenSSL would read it; each certificate is judged by the service's rules, and what a region
presents is assessed with all of them as anchors; the plan compares with what is wanted, half of which is there; the new
bundle and the wanted set are rendered. In process: the stages alone, with nothing remembered. As a process: from the
start of an interpreter to its end. Each run takes turns with ``openssl storeutl -noout -certs``.
"""

import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import apart
from benchmarks.table import FOLDER, Row
from tests.support.pki import CLIENT, NAME, NOW, make, root, rsa_key

COUNT = 1000
ROUNDS = 15
BAR = 1.0
"""In process, over OpenSSL's whole process (issue 13, point 8)."""


def measured(count: int = COUNT, rounds: int = ROUNDS) -> dict[str, Any]:
    """Medians, in seconds, of runs that take turns; the ratios are those of neighbours."""
    with tempfile.TemporaryDirectory() as folder:
        file, presented = Path(folder) / "cas.pem", Path(folder) / "leaf.pem"
        keys = [rsa_key(2048, number) for number in range(10)]
        cas = [root(f"Root {number}", key=keys[number % len(keys)]) for number in range(count)]
        file.write_text("".join(one.pem for one in cas))
        leaf = make(NAME, cas[count // 2], key=rsa_key(2048, 10), names=(NAME,), eku=CLIENT)
        presented.write_text(leaf.pem)
        ours = [sys.executable, "-m", "benchmarks.certificates_run", str(file), str(presented), NOW.isoformat()]
        theirs = ["openssl", "storeutl", "-noout", "-certs", str(file)]
        pairs = [(apart.run(ours, apart.with_bytecode()), apart.run(theirs)) for _ in range(rounds + 1)][1:]
    stages = [json.loads(one.printed)["stages"] for one, _ in pairs]
    return {
        "certificates": count,
        "stages": {name: statistics.median(one[name] for one in stages) for name in stages[0]},
        "process": statistics.median(one.seconds for one, _ in pairs),
        "openssl": statistics.median(other.seconds for _, other in pairs),
        "ratio": statistics.median(one["all"] / other.seconds for one, (_, other) in zip(stages, pairs, strict=True)),
        "process_ratio": statistics.median(one.seconds / other.seconds for one, other in pairs),
        "peak_mb": max(json.loads(one.printed)["peak_mb"] for one, _ in pairs),
    }


def rows() -> list[Row]:
    """The rows, and build/bench/certificates.json."""
    found = measured()
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "certificates.json").write_text(json.dumps(found, indent=1))
    stages = ", ".join(f"{name} {seconds * 1000:.0f}" for name, seconds in found["stages"].items() if name != "all")
    openssl = f"storeutl: {found['openssl'] * 1000:.0f} ms"
    figure = f"{found['stages']['all'] * 1000:.0f} ms ({stages})"
    return [
        Row("1,000 certificates, in process", figure, openssl, found["ratio"], found["ratio"], BAR),
        Row(
            "1,000 certificates, as a process",
            f"{found['process'] * 1000:.0f} ms, {found['peak_mb']:.0f} MB",
            openssl,
            found["process_ratio"],
            found["process_ratio"],
            None,
        ),
    ]
