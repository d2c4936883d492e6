"""An alert about two stacks of the watcher that work at one target."""

from datetime import datetime

from rotation_watcher.alerts.builders.subjects import Words, about_target
from rotation_watcher.alerts.builders.target_commands import at
from rotation_watcher.alerts.builders.templates import command
from rotation_watcher.alerts.builders.wording import stamp, when
from rotation_watcher.alerts.model import Alert, Kind, Severity, TargetName
from rotation_watcher.kinds import MARK


def two_stacks(
    *, target: TargetName, bucket: str, marked: bool, holds_state: bool = True, since: datetime, now: datetime
) -> Alert:
    """Another stack works at the target. ``marked``: a tag of the target names ``bucket``; else it loads from it.

    ``holds_state``: the state of that stack lies in it.
    """
    seen = f"Its tag {MARK} names the bucket {bucket}" if marked else f"It loads from the bucket {bucket}"
    do = "If the other stack is there, take the target out of the TargetArns or the watch file of one of them."
    if holds_state:
        do += (
            f" If it is gone, and you know {bucket} as its bucket, deploy this one with ExistingBucketName = {bucket}:"
            " it goes on with what that one knew, and trusts the roots in it."
        )
    else:
        do += (
            f" From {bucket} targets of this region load, and it holds no state: do not give it as ExistingBucketName."
            " If the other stack is gone, nothing is to be done: this one points the target at its own bucket with its"
            " next update."
        )
    untag = command(
        "aws elbv2 remove-tags --region {region} --resource-arns {arn} --tag-keys {key}",
        **at(target.arn),
        arn=target.arn,
        key=MARK,
    )
    words = Words(
        title="another stack of the watcher works here",
        happened=f"{seen}: another stack of the watcher has changed this target. This one goes on.",
        means=(
            "What the other stack added counts as somebody else's here, so it stays when it should leave; and each may"
            " undo what the other has done."
        ),
        do=f"{do} Else take the mark away; the next update sets its own:" if marked else do,
        command=untag if marked else None,
    )
    facts = {"bucket of the other": bucket, "since": when(since)}
    return about_target(Kind.TWO_STACKS, Severity.WARNING, target, stamp(since), words, facts, now)
