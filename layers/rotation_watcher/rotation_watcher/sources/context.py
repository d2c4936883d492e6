"""What applying an observation needs to know beside the history."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from rotation_watcher.alerts.builders import SourceName
from rotation_watcher.config import Policy, Source
from rotation_watcher.trust.approvals import Approval
from rotation_watcher.trust.file_contents import OperatorFile


class Context(NamedTuple):
    """What folding needs to know beside the history and the look. ``approvals`` are those that were found."""

    source: Source
    policy: Policy
    bucket: str
    approvals: Mapping[str, Approval]
    anchor_problems: Mapping[str, str]
    now: datetime
    anchor_files: Mapping[str, OperatorFile] = MappingProxyType({})

    @property
    def name(self) -> SourceName:
        """The source as alerts name it."""
        return SourceName(self.source.id, self.source.region)
