"""What the log says of a run: one line, which CloudWatch and Lambda cut off at 256 KB."""

import json

from rotation_watcher.config import Mode
from rotation_watcher.targets.decide import Outcome
from rotation_watcher.targets.summary import Summary, TargetSummary

WORDS = "User: arn:aws:sts::123456789012:assumed-role/watcher-PublishFunctionRole is not authorized to perform: " * 3


def fleet(targets: int) -> Summary:
    """A run over so many targets: none could be read, one could not be kept, and one is as it should be."""
    denied = {f"t{number:04}": TargetSummary(outcome=Outcome.TARGET_DENIED, message=WORDS) for number in range(targets)}
    broken = {"z-broken": TargetSummary(outcome=Outcome.BROKEN, message="the bucket does not answer")}
    quiet = {"z-quiet": TargetSummary(outcome=Outcome.UNCHANGED)}
    return Summary(mode=Mode.APPLY, targets=denied | broken | quiet, broken=["z-broken"])


def test_the_line_of_a_fleet_of_which_every_target_fails_is_whole_and_says_what_it_leaves_out() -> None:
    said = fleet(1000).short()
    assert len(json.dumps(said)) < 200_000
    assert [*said["targets"]][:2] == ["z-broken", "t0000"]
    assert (said["unchanged"], said["untold"] + len(said["targets"])) == (1, 1001)


def test_a_line_that_has_room_for_all_leaves_out_none() -> None:
    said = fleet(100).short()
    assert (len(said["targets"]), said["unchanged"]) == (101, 1)
    assert "untold" not in said
