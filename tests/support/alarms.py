"""CloudWatch alarms judged over a series, by the rules that the CloudWatch User Guide gives.

"Evaluating an alarm" and "Configuring how CloudWatch alarms treat missing data": CloudWatch retrieves more periods than
``EvaluationPeriods``. If as many of them have data, the newest of those are judged, and missing ones are passed over;
else what is missing is filled in by ``TreatMissingData``, as few times as possible, the real ones all counting.
Metric math: FILL puts a value where there is none, DIFF is the difference to the point before, and has none at first.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

RETRIEVED_MORE = 2
"""Periods beyond ``EvaluationPeriods`` in the guide's tables: three are judged of five. AWS names no figure."""

type Node = Any
type Point = float | None
type Series = Callable[[str, str], Mapping[int, float]]
"""A metric's values by the second at which they were written; it is given namespace and name."""

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
        self._metric, self.period, self._statistic, self._expression = _metric(properties)
        self.state = "INSUFFICIENT_DATA"

    def look(self, series: Series, *moments: int) -> list[str]:
        """The states at these seconds, one after another; one that is retained is that of the look before."""
        inside: dict[int, list[float]] = {}
        for at, value in series(*self._metric).items():
            inside.setdefault(at // self.period, []).append(value)
        points = {number: _STATISTICS[self._statistic](values) for number, values in inside.items()}
        return [self._judge(points, now // self.period) for now in moments]

    def _judge(self, points: Mapping[int, float], end: int) -> str:
        retrieved = [points.get(number) for number in range(end - self._periods - RETRIEVED_MORE, end)]
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


def _metric(properties: Mapping[str, Node]) -> tuple[tuple[str, str], int, str, str]:
    if "MetricName" in properties:
        return (
            (properties["Namespace"], properties["MetricName"]),
            int(properties["Period"]),
            properties["Statistic"],
            "",
        )
    (told,) = [one for one in properties["Metrics"] if one.get("ReturnData") is not False]
    (read,) = [one["MetricStat"] for one in properties["Metrics"] if "MetricStat" in one]
    metric = read["Metric"]
    return (metric["Namespace"], metric["MetricName"]), int(read["Period"]), read["Stat"], told["Expression"]


def _computed(expression: str, points: Sequence[Point]) -> list[Point]:
    if re.fullmatch(r"|FILL\(\w+, 0\)|DIFF\(FILL\(\w+, 0\)\)", expression) is None:
        raise ValueError(f"no rule for {expression}")
    filled = [0.0 if one is None and expression else one for one in points]
    if not expression.startswith("DIFF"):
        return filled
    return [None, *(b - a for a, b in pairwise(filled) if a is not None and b is not None)]


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
