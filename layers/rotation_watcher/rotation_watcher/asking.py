"""What the queue in front of publish is asked for: of a module of its own, for whoever asks, publish too."""

from collections.abc import Iterable
from datetime import datetime

from rotation_watcher import arns
from rotation_watcher.config import Watch
from rotation_watcher.ports import PublishRequest


def publish_requests(
    watch: Watch, targets: Iterable[str], occasion: str, until: datetime | None = None
) -> list[PublishRequest]:
    """The queue's messages for some targets. ``occasion`` distinguishes one call from the next within five minutes."""
    wanted = {*targets}
    return [
        PublishRequest(target.id, arns.message_group(target.arn), f"{target.id}-{occasion}", until)
        for target in watch.targets
        if target.id in wanted
    ]
