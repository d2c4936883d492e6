"""Metrics over Powertools' embedded metric format: written to the log, no call of AWS."""

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit


class EmbeddedMetrics:
    """``ports.Metrics``; namespace and service come from Powertools' own environment variables."""

    def __init__(self) -> None:
        self._metrics = Metrics()

    def count(self, name: str, value: float = 1) -> None:
        """See ``ports.Metrics``. Written at once: a run that fails later must not take its count along."""
        self._metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)
        self._metrics.flush_metrics()
