"""What a world has come to, made comparable: moments, object versions and the names of runs differ between two runs."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
from moto.s3.models import FakeKey, s3_backends
from moto.sqs.models import sqs_backends

from local.environment import BUCKET
from tests.crash.world import CrashEnvironment

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|\+00:00| UTC)?|\d{8}T\d{6}Z")
_RUN = re.compile(r"\brun-\d+\b")


class State(NamedTuple):
    """All that counts. ``objects`` by key; ``live`` by target, ``lists`` by trust store.

    ``alerts`` and ``posts``: how often each was told, and under how many ids (which may hold the moment of a start).
    """

    objects: dict[str, str]
    live: dict[str, str]
    lists: dict[str, str]
    waiting: dict[str, int]
    alerts: dict[str, tuple[int, int]]
    posts: dict[str, tuple[int, int]]

    def differences(self, other: "State") -> list[str]:
        """What is otherwise in ``other``, in words. An alert that came twice is no difference; a missing one is."""
        found = []
        for name, here, there in (
            ("object", self.objects, other.objects),
            ("live bundle", self.live, other.live),
            ("revocation lists", self.lists, other.lists),
            ("queue", self.waiting, other.waiting),
            ("alert", self.alerts, _at_most(other.alerts, self.alerts)),
            ("post", self.posts, _at_most(other.posts, self.posts)),
        ):
            for key in sorted({*here, *there}):
                if (key in here) != (key in there):
                    found.append(f"{name} {key[:160]} is {'missing' if key in here else 'new'}")
                elif here[key] != there[key]:
                    found.append(f"{name} {key}: {_first_difference(str(here[key]), str(there[key]))}")
        return found


def state_of(environment: CrashEnvironment) -> State:
    """Read everything, without a call of the function's; alerts and posts since the world began."""
    environment.news_still()
    objects = _objects(environment)
    versions = {
        str(version.version_id): f"<version with {hashlib.sha256(bytes(version.value)).hexdigest()[:16]}>"
        for each in objects.values()
        for version in each
    }

    def plain(text: str) -> str:
        for version, name in versions.items():
            text = text.replace(version, name)
        return _RUN.sub("<run>", _MOMENT.sub("<moment>", text))

    queue = sqs_backends[environment.aws.account][environment.aws.region].queues["publish.fifo"]
    bodies = [str(message.body) for message in queue.messages]
    return State(
        objects={
            key: plain(_text(body))
            for key, body in latest_objects(environment).items()
            if not key.startswith("alerts/")  # named by alerts, which hold moments; what waits without its note is lost
        },
        live={
            one["id"]: hashlib.sha256(environment.live_pem(one["id"]) or b"").hexdigest()
            for one in environment.watch["targets"]
        },
        lists={
            one["id"]: " ".join(sorted(_digest(each) for each in environment.aws.live_lists(one["arn"])))
            for one in environment.watch["targets"]
            if ":truststore/" in one["arn"]
        },
        waiting=dict.fromkeys((json.loads(body)["target"] for body in bodies), 1),
        alerts=_told([alert.key for alert in environment.alerts], plain),
        posts=_told([_alert_of(post) for post in environment.posts], plain),
    )


def _text(body: bytes) -> str:
    """A text as it is; of anything else its digest."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return _digest(body)


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def latest_objects(environment: CrashEnvironment) -> dict[str, bytes]:
    """Every object of the bucket, by key; read without a call."""
    return {key: bytes(versions[-1].value) for key, versions in _objects(environment).items()}


def _objects(environment: CrashEnvironment) -> dict[str, list[FakeKey]]:
    """Every version of every object that has not been deleted, oldest first."""
    keys = s3_backends[environment.aws.account]["aws"].get_bucket(BUCKET).keys
    found = {key: list(keys.getlist(key)) for key in keys}
    return {key: each for key, each in found.items() if all(isinstance(one, FakeKey) for one in each)}


def to_json(state: State) -> Any:
    """For the way through a pipe."""
    return msgspec.to_builtins(state)


def from_json(data: Any) -> State:
    """The state again."""
    return msgspec.convert(data, State)


def _told(ids: list[str], plain: Callable[[str], str]) -> dict[str, tuple[int, int]]:
    names = Counter(plain(each) for each in ids)
    different = Counter(plain(each) for each in {*ids})
    return {name: (times, different[name]) for name, times in names.items()}


def _at_most(told: dict[str, tuple[int, int]], wanted: dict[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    """Alerted more often than wanted is as good as wanted (at least once), if it was under the same id."""
    return {name: (min(times, wanted.get(name, (times, 0))[0]), ids) for name, (times, ids) in told.items()}


def _alert_of(post: dict[str, Any]) -> str:
    """The id at the foot of a post."""
    return str(post["blocks"][-1]["elements"][0]["text"])


def _first_difference(here: str, there: str) -> str:
    place = next((at for at, (a, b) in enumerate(zip(here, there, strict=False)) if a != b), min(len(here), len(there)))
    start = max(place - 60, 0)
    return f"…{here[start : place + 60]}… became …{there[start : place + 60]}…"
