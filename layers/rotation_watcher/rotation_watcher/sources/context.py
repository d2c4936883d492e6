"""What applying an observation needs to know beside the history."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from rotation_watcher.alerts.builders import SourceName
from rotation_watcher.config import Policy, Source
from rotation_watcher.trust.approvals import Approval


class Context(NamedTuple):
    """What folding needs to know beside the history and the look. ``approvals`` are those that were found.

    ``fresh`` is False at the first look after the source was stale: it forgets nothing, since either the source or the
    clock has not been right.
    """

    source: Source
    policy: Policy
    bucket: str
    approvals: Mapping[str, Approval]
    anchor_problems: Mapping[str, str]
    now: datetime
    fresh: bool = True

    @property
    def name(self) -> SourceName:
        """The source as alerts name it."""
        return SourceName(self.source.id, self.source.region)
