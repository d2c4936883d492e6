"""Every measurement by its name, as rows of the table. Each loads its own modules when it is asked for."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.table import FOLDER, Row


def _certificates() -> list[Row]:
    from benchmarks import certificates  # noqa: PLC0415

    return certificates.rows()


def _collect() -> list[Row]:
    from benchmarks import collect  # noqa: PLC0415

    return collect.rows()


def _check() -> list[Row]:
    from benchmarks import check  # noqa: PLC0415

    return check.rows()


def _init() -> list[Row]:
    from benchmarks import init  # noqa: PLC0415
    from local.building import MACHINE, built  # noqa: PLC0415

    build = built(MACHINE)
    found = {name: init.compare(build, name) for name in init.FUNCTIONS}
    _keep("init", found)
    return [row for name, result in found.items() for row in _init_rows(name, result)]


def _init_rows(function: str, result: Mapping[str, Any]) -> list[Row]:
    rows = []
    for what, (heading, scale, unit) in (("processor", ("", 1000, "ms")), ("megabytes", (", memory", 1, "MB"))):
        one = result[what]
        ours, floor = (f"{one[side] * scale:.0f} {unit}" for side in ("ours", "floor"))
        ratio = one["ratio"]["median"]
        rows.append(Row(f"init of {function}{heading}", ours, f"bare imports: {floor}", ratio, ratio, init_bar(what)))
    return rows


def init_bar(what: str) -> float:
    """The bar of a function's start."""
    from benchmarks import init  # noqa: PLC0415

    return init.BARS[what]


def _calls() -> list[Row]:
    from benchmarks import calls  # noqa: PLC0415

    rows = []
    for kind in calls.KINDS:
        for name, one in calls.measured(kind).items():
            each = f"{one.a_target:g} calls a target"
            shared = f"{one.a_run:g} a run"
            rows.append(Row(f"publish, {kind}, {name}", each, shared, None, one.a_target, calls.BARS.get((kind, name))))
    return rows


def _fleet() -> list[Row]:
    from benchmarks import fleet  # noqa: PLC0415

    found = fleet.measured()
    _keep("fleet", found)
    targets, bars = f"{found['targets']:.0f} targets in {found['accounts']:.0f} accounts", fleet.BARS
    each = found["sweep_calls"] / found["targets"]
    sweep = f"{targets}, quiet sweep"
    return [
        Row(
            f"{targets}, one changed root",
            f"{found['seconds']:.1f} s",
            f"bare calls: {found['bare_seconds']:.1f} s",
            found["ratio"],
            found["ratio"],
            bars["ratio"],
        ),
        Row("the same, memory", f"{found['peak_mb']:.0f} MB", "", None, found["peak_mb"], bars["peak_mb"]),
        Row(f"{sweep}, calls", f"{each:.1f} a target", "", None, each, bars["sweep_calls"]),
        Row(f"{sweep}, writes", f"{found['sweep_writes']:.0f}", "", None, found["sweep_writes"], bars["sweep_writes"]),
    ]


def _crl() -> list[Row]:
    import tempfile  # noqa: PLC0415
    from pathlib import Path  # noqa: PLC0415

    from benchmarks import crl  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        found = crl.measure(Path(folder))
    _keep("crl", found)
    wall = found["wall"]
    ratio, name = wall["ratio"]["median"], f"a CRL of {found['entries']} entries"
    ours, openssl, bars = f"{wall['ours']:.2f} s", f"openssl crl: {wall['openssl']:.2f} s", crl.BARS
    look_up = found["look_up_us"]
    return [
        Row(name, ours, openssl, ratio, ratio, bars["ratio"]),
        Row("the same, memory", f"{found['megabytes']:.0f} MB", "", None, found["megabytes"], bars["megabytes"]),
        Row("a look-up in its index", f"{look_up:.1f} µs", "", None, look_up, bars["look_up_us"]),
    ]


def _authorize() -> list[Row]:
    from benchmarks import authorize  # noqa: PLC0415

    found = authorize.decisions() | authorize.imports()
    _keep("authorize", found)
    rows = [
        Row(f"authorizer, {name.removesuffix('_p99_ms')}, p99", f"{figure:.2f} ms", "", None, figure, bar)
        for name, figure in found.items()
        if name.endswith("_p99_ms") and (bar := authorize.bar_of(name)) is not None
    ]
    ratio = found["import_ratio"]
    ours, floor = (f"{found[name]:.0f} ms" for name in ("import_ms", "import_floor_ms"))
    return [
        *rows,
        Row("authorizer, import", ours, f"bare imports: {floor}", ratio, ratio, authorize.bar_of("import_ratio")),
    ]


def _flood() -> list[Row]:
    from benchmarks import flood  # noqa: PLC0415

    return flood.rows()


def _growth() -> list[Row]:
    from benchmarks import growth  # noqa: PLC0415

    return growth.rows()


def _cost() -> list[Row]:
    from benchmarks import cost  # noqa: PLC0415

    counts = json.loads(cost.COUNTS.read_text())
    rows = []
    for name, size in cost.SCENARIOS.items():
        usd = sum(line.usd for line in cost.lines(counts, *size))
        rows.append(Row(f"cost, {name}", f"{usd:.2f} USD a month", "public prices", None, usd, cost.BARS.get(name)))
    return rows


def _keep(name: str, found: object) -> None:
    """All of a measurement's figures, beside the table's."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.json").write_text(json.dumps(found, indent=1))


MEASUREMENTS: dict[str, Callable[[], list[Row]]] = {
    "pem": _certificates,
    "collect": _collect,
    "check": _check,
    "init": _init,
    "calls": _calls,
    "fleet": _fleet,
    "growth": _growth,
    "flood": _flood,
    "crl": _crl,
    "authorize": _authorize,
    "cost": _cost,
}
"""In the order of the table."""
