"""What applying an observation needs to know beside the history."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from types import MappingProxyType

import msgspec

from rotation_watcher.alerts.builders import Reach
from rotation_watcher.alerts.model import SourceName
from rotation_watcher.config import Policy, Source
from rotation_watcher.trust.approvals import Approval
from rotation_watcher.trust.file_contents import OperatorFile


class Context(msgspec.Struct, frozen=True):
    """What is needed beside the history and the observation. ``approvals`` are those that were found.

    ``past``: a grace that ended before this moment is over for certain. After a gap in the observations that is the
    last one before it, since either the source or the clock was not right; None: no grace is over. ``reach`` says for
    an authority and the fingerprints above a leaf which targets let it in; it is asked where an issuer changed.
    """

    source: Source
    policy: Policy
    bucket: str
    approvals: Mapping[str, Approval]
    anchor_problems: Mapping[str, str]
    now: datetime
    anchor_files: Mapping[str, OperatorFile] = MappingProxyType({})
    past: datetime | None = None
    reach: Callable[[str, Collection[str]], Reach] = lambda *_: Reach.NOT_KEPT

    def over(self, end: datetime) -> bool:
        """Whether a grace with this end is over."""
        return self.past is not None and end < self.past

    @property
    def name(self) -> SourceName:
        """The source as alerts name it."""
        return SourceName(self.source.id, self.source.region)
