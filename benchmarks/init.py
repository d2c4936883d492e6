"""What a cold start costs beyond the libraries it needs: ``make bench``.

For each built function, in fresh interpreters and taking turns: (a) ``import app``, which is what Lambda runs while a
container starts; (b) the floor, the import of exactly those third-party modules that (a) ended up with, and nothing of
ours. Compared are the seconds of the import, those of the processor in it, and the most memory that the process held.
Each (a) is divided by the (b) that ran right after it; machines differ, and so do their quarter hours, but the ratio
stays. Where others are at work, the processor's seconds are the ones to read.
"""

import json
import os
import statistics
import subprocess
import sys
from itertools import batched
from pathlib import Path
from typing import Any

from local.building import MACHINE, ROOT, built
from local.lambda_runtime import LAYERS, PYTHON

RUNS = 11
FUNCTIONS = (
    "CollectFunction",
    "PublishFunction",
    "RefreshCrlsFunction",
    "ReportFunction",
    "SlackFunction",
    "AuthorizeFunction",
)
BARS = {"processor": 1.25, "megabytes": 1.25}
"""Issue 13, point 7."""
ACCOUNT = "arn:aws:{}:us-east-1:111122223333:{}"
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "BUCKET": "bucket",
    "BUNDLE": "main",
    "COLLECT_FUNCTION": "collect",
    "TOPIC_ARN": ACCOUNT.format("sns", "alerts"),
    "PUBLISH_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/111122223333/publish.fifo",
    "WATCH_FILE_URI": "",
    "MODE": "apply",
    "GENESYS_REGION": "us-east-1",
    "AUTHORITIES": "Genesys,DigiCert",
    "CREDENTIAL_ARNS": ACCOUNT.format("ssm", "parameter/genesys/oauth"),
    "TARGET_ARNS": "",
    "SLACK_SECRET_ARN": ACCOUNT.format("ssm", "parameter/genesys/slack"),
    "POWERTOOLS_SERVICE_NAME": "bench",
    "POWERTOOLS_METRICS_NAMESPACE": "bench",
    "PYTHONDONTWRITEBYTECODE": "1",
}
"""What the template gives the functions; starting needs no AWS."""

_MEASURE = """
import importlib, json, sys, time
wanted = json.loads(sys.argv[1])
start, used = time.perf_counter(), time.process_time()
for name in wanted:
    importlib.import_module(name)
seconds, processor = time.perf_counter() - start, time.process_time() - used
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
outside = [
    name for name, module in list(sys.modules.items())
    if (place := getattr(module, "__file__", None) or "") and ("DependenciesLayer" in place or "site-packages" in place)
]
megabytes = int(peak.split()[1]) / 1024
print(json.dumps({"seconds": seconds, "processor": processor, "megabytes": megabytes, "outside": outside}))
"""
_FIGURES = {"seconds": ("import", 1000, "ms"), "processor": ("processor", 1000, "ms"), "megabytes": ("memory", 1, "MB")}
"""What is compared: its heading, and the unit in which it is printed."""


def measure(build: Path, function: str, modules: list[str], layers: tuple[str, ...]) -> dict[str, Any]:
    """Import some modules in a fresh interpreter; seconds, megabytes, and the third-party modules that it then has."""
    done = subprocess.run(
        [PYTHON, "-c", _MEASURE, json.dumps(modules)],
        cwd=build / function,
        env=ENVIRONMENT | {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(["", *_paths(build, layers)])},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{function}: {done.stderr[-2000:]}")
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured


def compare(build: Path, function: str) -> dict[str, Any]:
    """The function against its floor, over ``RUNS`` pairs; the first pair only warms the file cache."""
    outside = measure(build, function, ["app"], LAYERS)["outside"]
    pairs = []
    for _ in range(RUNS + 1):
        whole = measure(build, function, ["app"], LAYERS)
        pairs += [whole, measure(build, function, outside, LAYERS[:1])]
    counted = list(batched(pairs[2:], 2, strict=True))
    result: dict[str, Any] = {"modules": len(outside)}
    for what in _FIGURES:
        ratios = [ours[what] / floor[what] for ours, floor in counted]
        result[what] = {
            "ratio": {"min": min(ratios), "median": statistics.median(ratios), "max": max(ratios)},
            "ours": statistics.median(ours[what] for ours, _ in counted),
            "floor": statistics.median(floor[what] for _, floor in counted),
        }
    return result


def main() -> int:
    """Measure every function; print a table and write build/bench/init.json."""
    build = built(MACHINE)
    found = {name: compare(build, name) for name in FUNCTIONS}
    print(f"{'function':20}{'':12}{'ours':>9}{'floor':>9}   ratio: min median max")
    for name, result in found.items():
        for what, (heading, scale, unit) in _FIGURES.items():
            one, ratio = result[what], result[what]["ratio"]
            print(
                f"{name:20}{heading:12}{one['ours'] * scale:6.0f} {unit}{one['floor'] * scale:6.0f} {unit}"
                f"          {ratio['min']:.2f}  {ratio['median']:.2f}  {ratio['max']:.2f}"
            )
    place = ROOT / "build/bench/init.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(found, indent=1))
    return 0


def _paths(build: Path, layers: tuple[str, ...]) -> list[str]:
    return [str(build / layer / "python") for layer in layers]


if __name__ == "__main__":
    sys.exit(main())
