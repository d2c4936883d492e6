"""Metrics over Powertools' embedded metric format: written to the log, no call of AWS."""


class EmbeddedMetrics:
    """``ports.Metrics``; namespace and service come from Powertools' own environment variables."""

    def count(self, name: str, value: float = 1) -> None:
        """See ``ports.Metrics``. Written at once: a run that fails later must not take its count along."""
        from aws_lambda_powertools import Metrics  # noqa: PLC0415  # a run at which all is well counts nothing
        from aws_lambda_powertools.metrics import MetricUnit  # noqa: PLC0415  # see above

        metrics = Metrics()
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)
        metrics.flush_metrics()
