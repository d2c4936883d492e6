"""What a stack costs in a month: calls counted by the embedded AWS, times of which some are assumed, public prices.

``counted`` measures quiet runs of each function for some sources and targets; what grows with each is told apart.
``lines`` makes USD a month of that, a line for each thing that is billed, with its formula. ``docs/cost.md`` is written
by ``python -m benchmarks.cost``; a test counts again and compares. Nothing here comes from a bill.
"""

import json
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from benchmarks.calls import START
from local.aws.calls import Call
from local.environment import Environment
from local.genesys.keys import DEFAULT_CACHE
from rotation_watcher import schedules
from rotation_watcher.collect import LISTINGS
from rotation_watcher.listed_store import FOLDERS, KNOWN_FOR
from tests.stack.template import ALARMS, FUNCTIONS, PARAMETERS, RESOURCES, metrics_of
from tests.support.functions import LOGICAL_NAMES

ROOT = Path(__file__).resolve().parents[1]
COUNTS = Path(__file__).with_name("cost.json")
PAGE = ROOT / "docs" / "cost.md"
BEGIN, END = "<!-- made by python -m benchmarks.cost -->\n", "<!-- end of what is made -->\n"
REGIONS = ("us-east-1", "eu-central-1", "ap-south-1")
HOURS = 730
"""Of a month, as AWS's price pages count."""
PRICES = {
    "lambda request": 0.20e-6,
    "lambda GB-second": 0.0000133334,
    "s3 put": 0.005e-3,
    "s3 get": 0.0004e-3,
    "sqs fifo": 0.50e-6,
    "sqs": 0.40e-6,
    "scheduler": 1.00e-6,
    "trace": 5.00e-6,
    "log GB": 0.50,
    "metric": 0.30,
    "alarm": 0.10,
}
"""USD in us-east-1 without any free tier, Lambda on arm64: AWS's public prices."""
A_CALL, A_REQUEST, A_START = 0.03, 0.3, 0.6
"""Seconds, assumed: a call of AWS, a request to Genesys or a CA, and what else a run is billed for."""
A_LOG = 3_000
"""Bytes of log for each run, assumed."""
QUIET = 0.01
"""The share of the hours in which a metric of ours is written, assumed. No other is billed."""
POLLS = 5 * 3 * 60
"""Receives of an idle queue an hour: Lambda polls with five connections, each waits 20 s (Lambda developer guide)."""
A_PAGE, OBJECTS = 1000, 5
"""Keys that a listing of S3 gives at once, and objects that are kept for a target."""
SCENARIOS = {"1 region, 1 target": (1, 1), "18 regions, 18 targets": (18, 18), "18 regions, 500 targets": (18, 500)}
BARS = {"1 region, 1 target": 2.0, "18 regions, 500 targets": 25.0}
"""Issue 13, point 9."""

type Counts = dict[str, dict[str, dict[str, float]]]
"""By function and by class of call: how many a run makes, and how many more for each source and each target."""


class Line(NamedTuple):
    """What is billed, how it is reckoned, and USD a month."""

    what: str
    formula: str
    usd: float


def counted() -> Counts:
    """The calls of quiet runs, measured with one source and three, three targets and six. Raises RuntimeError.

    From three targets on a run lists what is kept of them, which is no more than what it costs one or two. From
    thirteen sources on ``lines`` reckons with collect's listings, which ``tests/integration/test_calls.py`` counts.
    """
    small, sources, targets, both = (_quiet(*size) for size in ((1, 3), (3, 3), (1, 6), (3, 6)))
    found: Counts = {}
    for function in small:
        classes = sorted({*small[function], *both[function]})
        found[function] = {}
        for one in classes:
            base = small[function][one]
            source = (sources[function][one] - base) / 2
            target = (targets[function][one] - base) / 3
            if base + 2 * source + 3 * target != both[function][one]:
                raise RuntimeError(f"{function}: {one} grows with sources times targets")
            found[function][one] = {"run": base - source - 3 * target, "source": source, "target": target}
    return found


def _quiet(sources: int, targets: int) -> dict[str, Counter[str]]:
    """The calls of one quiet run of each function, by class."""
    with Environment(START, DEFAULT_CACHE, world={"root_key_bits": 2048}, aws={"max_trust_stores": 7}) as environment:
        names = {region: region.replace("-", "") for region in REGIONS[:sources]}
        for region, name in names.items():
            environment.world.region(region, days_left=200)
            environment.add_source(name, region)
        environment.add_bundle("genesys", names.values())
        for number in range(targets):
            environment.add_trust_store(f"t{number}", "genesys", environment.world.region("sa-east-1").root_pem())
        environment.configure()
        runs: dict[str, Callable[[], object]] = {
            "collect": environment.collect,
            "publish": lambda: environment.publish(sweep=True),
            "refresh_crls": environment.refresh_crls,
            "report": environment.report,
        }
        for _ in range(5):
            environment.clock.advance(timedelta(hours=1))
            environment.tick()
            for run in runs.values():
                run()
            environment.drain()
        found = {}
        for function, run in runs.items():
            environment.aws.calls.clear()
            run()
            found[function] = Counter(map(_class, environment.aws.calls))
        return found


def _class(call: Call) -> str:
    """How a call is billed. What Elastic Load Balancing and API Gateway answer costs nothing but the time."""
    if call.service == "sqs":
        return "sqs"
    if call.service != "s3" or call.resource.startswith("elb-presigned/"):  # a download is its service's to pay
        return "other"
    return "s3 put" if call.operation.startswith(("Put", "List", "Copy", "Post")) else "s3 get"


def lines(counts: Counts, sources: int, targets: int) -> Iterator[Line]:
    """The lines of a month, for so many sources and targets (ALB trust stores with a listener each)."""
    measured = [one for name in _alarms() for one in metrics_of(ALARMS[name])]  # each metric of an alarm is billed
    ours = {one["MetricName"] for one in measured if one["Namespace"] == _OURS}  # AWS's own cost nothing
    usd = len(ours) * QUIET * PRICES["metric"]
    yield Line("metrics", f"{len(ours)} x {QUIET:.0%} of the hours x {PRICES['metric']:.2f}", usd)
    yield Line("alarms", f"{len(measured)} x {PRICES['alarm']:.2f}", len(measured) * PRICES["alarm"])
    runs = {name: HOURS / (_every(name).total_seconds() / 3600) for name in counts}
    for function, classes in counts.items():
        calls = {one: _of(each, sources, targets) for one, each in classes.items()}
        if function in _LISTS:
            calls["s3 put"] = calls.get("s3 put", 0) + math.ceil(targets * OBJECTS / A_PAGE) - 1
        if function == "collect" and (spared := classes["s3 get"]["source"] * sources) >= LISTINGS:
            listing = 1 - min(_every(function) / KNOWN_FOR, 1)
            calls["s3 get"] -= listing * spared
            calls["s3 put"] = listing * len(FOLDERS)
        yield from _of_function(function, runs[function], calls, sources)
    asked = sum(runs[name] * _of(one["sqs"], sources, targets) for name, one in counts.items() if "sqs" in one)
    usd = POLLS * HOURS * PRICES["sqs fifo"] + asked * PRICES["sqs"]
    yield Line("queues", f"{POLLS} receives an hour, and {asked:,.0f} of what S3 says of files", usd)
    total = sum(runs.values())
    yield Line("schedules", f"{total:,.0f} runs", total * PRICES["scheduler"])
    traced = total if PARAMETERS["Tracing"]["Default"] == "yes" else 0
    yield Line("traces", f"{traced:,.0f} runs", traced * PRICES["trace"])
    yield Line("logs", f"{total:,.0f} runs x {A_LOG:,} bytes", total * A_LOG / 1e9 * PRICES["log GB"])


_OURS = "GenesysCertificateWatcher"
_LISTS = ("publish", "report")
"""The functions that list what is kept of targets, a page for each thousand objects."""
_REQUESTS = {"collect": 2, "refresh_crls": 2}
"""Requests to others for each source of a quiet run."""


def _of_function(function: str, runs: float, calls: Mapping[str, float], sources: int) -> Iterator[Line]:
    seconds = A_START + A_CALL * sum(calls.values()) + A_REQUEST * _REQUESTS.get(function, 0) * sources
    gigabytes = FUNCTIONS[f"{LOGICAL_NAMES[function]}Function"]["Properties"]["MemorySize"] / 1024
    usd = runs * (PRICES["lambda request"] + seconds * gigabytes * PRICES["lambda GB-second"])
    yield Line(f"{function}: time", f"{runs:,.0f} runs x {seconds:.1f} s x {gigabytes:g} GB", usd)
    put, get = calls.get("s3 put", 0), calls.get("s3 get", 0)
    usd = runs * (put * PRICES["s3 put"] + get * PRICES["s3 get"])
    yield Line(f"{function}: S3", f"{runs:,.0f} runs x ({put:,.0f} lists or puts, {get:,.0f} gets)", usd)


def _of(each: Mapping[str, float], sources: int, targets: int) -> float:
    return each["run"] + each["source"] * sources + each["target"] * targets


def _alarms() -> list[str]:
    """The alarms of a stack with targets and without a chat or an authorizer."""
    optional = {"HasSlack", "HasTeams", "HasAmazonQ", "HasAuthorizer"}
    return [name for name in ALARMS if RESOURCES[name].get("Condition") not in optional]


def _every(function: str) -> timedelta:
    """How often the Scheduler wakes a function by default. Raises RuntimeError."""
    expression = RESOURCES[f"{LOGICAL_NAMES[function]}ScheduleRule"]["Properties"]["ScheduleExpression"]
    text = expression if isinstance(expression, str) else PARAMETERS[expression["Ref"]]["Default"]
    every = schedules.rate(text)
    if every is None:
        raise RuntimeError(f"{function}: {text} is no rate")
    return every


def table(counts: Counts) -> str:
    """The table of ``docs/cost.md``: a line for each thing, a column for each scenario, with the formulas beneath."""
    columns = {name: [*lines(counts, *size)] for name, size in SCENARIOS.items()}
    rows = ["| USD a month | " + " | ".join(columns) + " |", "|---|" + "---|" * len(columns)]
    rows += [
        f"| {parts[0].what} | " + " | ".join(f"{one.usd:.2f}" for one in parts) + " |"
        for parts in zip(*columns.values(), strict=True)
    ]
    totals = [f"**{sum(one.usd for one in column):.2f}**" for column in columns.values()]
    rows.append("| **all** | " + " | ".join(totals) + " |")
    bars = [f"{BARS[name]:g}" if name in BARS else "" for name in columns]
    rows.append("| bar | " + " | ".join(bars) + " |")
    rows += ["", "Formulas, for the first and the last column:", ""]
    first, last = (columns[name] for name in (next(iter(columns)), [*columns][-1]))
    for one, other in zip(first, last, strict=True):
        both = one.formula if one.formula == other.formula else f"{one.formula}; {other.formula}"
        rows.append(f"- {one.what}: {both}")
    return "\n".join(rows) + "\n"


def page(text: str, counts: Counts) -> str:
    """``docs/cost.md`` with the table of these counts in it."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{table(counts)}\n{END}{tail}"


def main() -> int:
    """Count anew, and write ``benchmarks/cost.json`` and ``docs/cost.md``."""
    counts = counted()
    COUNTS.write_text(json.dumps(counts, indent=1) + "\n")
    PAGE.write_text(page(PAGE.read_text(), counts))
    print(table(counts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
