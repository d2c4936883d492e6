"""CloudWatch alarms judged over a series, by the rules that the CloudWatch User Guide gives.

"Evaluating an alarm" and "Configuring how CloudWatch alarms treat missing data": CloudWatch retrieves more periods than
``EvaluationPeriods``. If as many of them have data, the newest of those are judged, and missing ones are passed over;
else what is missing is filled in by ``TreatMissingData``, as few times as possible, the real ones all counting.
Metric math: FILL puts a value where there is none, DIFF is the difference to the point before, and has none at first.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

RETRIEVED_MORE = 2
"""Periods beyond ``EvaluationPeriods`` in the guide's tables: three are judged of five. AWS names no figure."""

type Node = Any
type Point = float | None
type Series = Callable[[str, str, str], Mapping[int, float]]
"""A metric's values by the second at which they were written; it is given namespace, name and its dimension's value."""

_STATISTICS: dict[str, Callable[[Sequence[float]], float]] = {
    "Sum": sum,
    "Minimum": min,
    "Maximum": max,
    "SampleCount": len,
}
_COMPARED: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}


class Alarm:
    """An alarm as CloudFormation hands it to CloudWatch. ``state`` is what the last ``look`` found."""

    def __init__(self, properties: Mapping[str, Node]) -> None:
        self._rule = properties
        self._periods = int(properties["EvaluationPeriods"])
        self._to_alarm = int(properties.get("DatapointsToAlarm", self._periods))
        self._metrics, self._expression = _rests_on(properties)
        (self.period,) = {one.period for one in self._metrics.values()}
        self.state = "INSUFFICIENT_DATA"

    def look(self, series: Series, *moments: int) -> list[str]:
        """The states at these seconds, one after another; one that is retained is that of the look before."""
        points = {name: self._points(one, series) for name, one in self._metrics.items()}
        return [self._judge(points, now // self.period) for now in moments]

    def _points(self, metric: "_Metric", series: Series) -> Mapping[int, float]:
        inside: dict[int, list[float]] = {}
        for at, value in series(*metric.which).items():
            inside.setdefault(at // self.period, []).append(value)
        return {number: _STATISTICS[metric.statistic](values) for number, values in inside.items()}

    def _judge(self, points: Mapping[str, Mapping[int, float]], end: int) -> str:
        numbers = range(end - self._periods - RETRIEVED_MORE, end)
        retrieved = {name: [one.get(number) for number in numbers] for name, one in points.items()}
        self.state = judged(
            [None if one is None else self._breaches(one) for one in _computed(self._expression, retrieved)],
            periods=self._periods,
            to_alarm=self._to_alarm,
            missing=self._rule.get("TreatMissingData", "missing"),
            before=self.state,
        )
        return self.state

    def _breaches(self, value: float) -> bool:
        return _COMPARED[self._rule["ComparisonOperator"]](value, float(self._rule["Threshold"]))


class _Metric(NamedTuple):
    """A metric (namespace, name, the value of its dimension), and how it is summed up."""

    which: tuple[str, str, str]
    period: int
    statistic: str


def _rests_on(properties: Mapping[str, Node]) -> tuple[dict[str, _Metric], str]:
    """The metrics by their ids, and the expression over them; of a single metric it is empty."""
    if "MetricName" in properties:
        return {"": _Metric(_which(properties), int(properties["Period"]), properties["Statistic"])}, ""
    (told,) = [one for one in properties["Metrics"] if one.get("ReturnData") is not False]
    read = {one["Id"]: one["MetricStat"] for one in properties["Metrics"] if "MetricStat" in one}
    metrics = {name: _Metric(_which(one["Metric"]), int(one["Period"]), one["Stat"]) for name, one in read.items()}
    return metrics, told["Expression"]


def _which(metric: Mapping[str, Node]) -> tuple[str, str, str]:
    (dimension,) = metric["Dimensions"]
    return metric["Namespace"], metric["MetricName"], dimension["Value"]


_FILLED = r"FILL\((\w+), (\d+)\)"


def _computed(expression: str, points: Mapping[str, Sequence[Point]]) -> list[Point]:
    """The expression over each period. Raises ValueError for one that nobody has taught this."""
    if not expression:
        (one,) = points.values()
        return [*one]
    if found := re.fullmatch(rf"IF\({_FILLED} > 0 OR {_FILLED} < 1, 1, 0\)", expression):
        failed, asked = _filled(points[found[1]], found[2]), _filled(points[found[3]], found[4])
        return [float(one > 0 or other < 1) for one, other in zip(failed, asked, strict=True)]
    if found := re.fullmatch(rf"DIFF\({_FILLED}\)", expression):
        return [None, *(b - a for a, b in pairwise(_filled(points[found[1]], found[2])))]
    if found := re.fullmatch(_FILLED, expression):
        return [*_filled(points[found[1]], found[2])]
    raise ValueError(f"no rule for {expression}")


def _filled(points: Sequence[Point], value: str) -> list[float]:
    return [float(value) if one is None else one for one in points]


def judged(points: Sequence[bool | None], *, periods: int, to_alarm: int, missing: str, before: str) -> str:
    """The state for points that breach (True), do not (False), or are missing (None), the newest last."""
    there = [one for one in points if one is not None]
    if len(there) >= periods:
        return "ALARM" if sum(there[-periods:]) >= to_alarm else "OK"
    lacking = periods - len(there)
    match missing:
        case "breaching":
            return "ALARM" if sum(there) + lacking >= to_alarm else "OK"
        case "notBreaching":
            return "ALARM" if sum(there) >= to_alarm else "OK"
    if there and not all(there):
        return "ALARM" if sum(there) >= to_alarm else "OK"
    return before if missing == "ignore" else "INSUFFICIENT_DATA"
