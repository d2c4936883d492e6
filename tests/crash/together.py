"""``python -m tests.crash.together ROUNDS``: many watchers at once, each a process; what came of it, as JSON lines.

Every round starts from the same world, copied; how the processes come to meet is up to the machine. The embedded AWS
lets S3 write one object at a time (moto's conditional writes race, S3's do not); all else happens at the same time.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from rotation_watcher import keys
from rotation_watcher.targets.record import decode
from tests.crash.judge import Judge
from tests.crash.processes import apart
from tests.crash.script import START, Script
from tests.crash.state import from_json, latest_objects, state_of, to_json
from tests.crash.world import CrashEnvironment, Function
from tests.support.events import queue_event

MANY = 16

type Wanted = Sequence[tuple[Function, Any]]


class Trial(NamedTuple):
    """Runs that start together, and the runs that would have been enough.

    ``looked``: collect has run before. ``settles``: they are compared half an hour later, not at once.
    """

    name: str
    looked: bool
    together: Wanted
    enough: Wanted
    settles: bool = False


TRIALS = (
    Trial("publish alb", True, [("publish", {"targets": ["alb"]})] * MANY, [("publish", {"targets": ["alb"]})]),
    Trial("publish rest", True, [("publish", {"targets": ["rest"]})] * MANY, [("publish", {"targets": ["rest"]})]),
    Trial("collect", False, [("collect", {})] * 4, [("collect", {})]),
    Trial(
        "two schedules and a person",
        True,
        [
            ("collect", {}),
            ("collect", {}),
            ("publish", {"sweep": True}),
            ("publish", {"sweep": True}),
            ("publish", queue_event("alb", "rest")),
            ("publish", queue_event("alb", "rest")),
            ("publish", {"targets": ["alb"]}),
        ],
        [("collect", {}), ("publish", {"sweep": True})],
        settles=True,
    ),
)


class Together:
    """Plays trials in copies of one world."""

    def __init__(self, environment: CrashEnvironment) -> None:
        self._environment = environment
        self._script = Script(environment, self._run)
        self._judge = Judge()
        self._script.set_up()

    def play(self, trial: Trial, rounds: int) -> Iterator[dict[str, Any]]:
        """What each round came to."""
        before: Wanted = [("collect", {})] if trial.looked else []
        calm = apart(lambda: self._one(before, [], trial.enough, settle=trial.settles))
        for number in range(rounds):
            came = apart(lambda: self._one(before, trial.together, [], settle=trial.settles))
            differences = from_json(calm["state"]).differences(from_json(came["state"]))
            del came["state"]
            yield {"trial": trial.name, "round": number, "differences": differences, **came}

    def _one(self, before: Wanted, together: Wanted, alone: Wanted, *, settle: bool) -> dict[str, Any]:
        """Run them, note what is there at once, and let the stack settle."""
        environment = self._environment
        environment.clock.part()
        for function, event in before:
            environment.run(function, event)
        environment.aws.calls.clear()
        answers = [end.answer for end in environment.run_together(together)] if together else []
        for function, event in alone:
            environment.run(function, event)
        updates = Counter(call.operation for call in environment.aws.calls if call.operation in _UPDATES)
        refused_writes = sum(
            call.operation == "PutObject" and call.status == _PRECONDITION for call in environment.aws.calls
        )
        environment.news_still()
        at_once = Counter(alert.key for alert in environment.alerts)
        records = self._records()
        for _ in self._script.settling() if settle else ():
            pass
        verdicts = self._judge.verdicts(self._script)
        outcomes = Counter(one["outcome"] for answer in answers for one in answer.get("targets", {}).values())
        return {
            "outcomes": outcomes,
            "broken": [answer["broken"] for answer in answers if "broken" in answer],
            "updates": updates,
            "lost races": refused_writes,
            "alerts at once": at_once,
            "records": records,
            "refused": sorted(
                {f"{target} {region}" for target, region, _ in self._script.ways() if target in records}
                - {way.rpartition(" ")[0] for way in verdicts.admitted}
            ),
            "strangers": sorted(verdicts.strangers),
            "state": to_json(state_of(environment)),
        }

    def _records(self) -> dict[str, dict[str, bool]]:
        """Of each target that has a record: whether it is done, and says what the target holds."""
        objects = latest_objects(self._environment)
        found = {}
        for target in ("alb", "rest", "http"):
            if keys.record(self._environment.folder(target)) in objects:
                record = decode(objects[keys.record(self._environment.folder(target))])
                live = sorted(self._environment.live(target))
                found[target] = {
                    "done": record.claim is None and record.pending is None and not record.outbox,
                    "true": record.applied is not None and sorted(record.applied.fingerprints) == live,
                }
        return found

    def _run(self, function: Function, event: Any, answered: Callable[[], object]) -> None:
        self._environment.run(function, event)
        answered()


_UPDATES = ("ModifyTrustStore", "UpdateDomainName")
_PRECONDITION = 412


def main(rounds: int) -> None:
    """Play every trial so many times."""
    with CrashEnvironment(START) as environment:
        played = Together(environment)
        for trial in TRIALS:
            for came in played.play(trial, rounds):
                sys.stdout.write(json.dumps(came) + "\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]))
