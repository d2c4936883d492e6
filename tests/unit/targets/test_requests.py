"""What people, the Scheduler and the queue type, and what it means; what makes no sense is refused with the way out."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotation_watcher.errors import RequestRefused
from rotation_watcher.targets.requests import (
    Changed,
    Message,
    Queued,
    Reconcile,
    Release,
    Rollback,
    Sweep,
    decode_request,
)
from tests.support.events import queue_event

EVENTS = Path(__file__).resolve().parents[3] / "events"


@pytest.mark.parametrize(
    ("event", "request_"),
    [
        ({}, Reconcile()),
        ({"dry_run": True}, Reconcile(dry_run=True)),
        ({"targets": []}, Reconcile()),
        ({"targets": ["alb", "api", "alb"]}, Reconcile(targets=("alb", "api"))),
        ({"rollback": "alb"}, Rollback(target="alb")),
        ({"rollback": "alb", "to": "v1", "dry_run": True}, Rollback(target="alb", to="v1", dry_run=True)),
        ({"release": "alb"}, Release(target="alb")),
        ({"release": "alb", "dry_run": False}, Release(target="alb")),
        ({"sweep": True}, Sweep()),
        ({"sweep": True, "dry_run": True}, Sweep(dry_run=True)),
        (queue_event("alb"), Queued(messages=(Message(id="", receipt="", receives=1, target="alb"),))),
    ],
)
def test_what_is_typed_is_one_request(event: dict[str, Any], request_: object) -> None:
    assert decode_request(event) == request_


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({"rollback": "alb", "sweep": True}, "rollback and sweep exclude each other"),
        ({"rollback": "alb", "release": "alb"}, "rollback and release exclude each other"),
        ({"release": "alb", "targets": ["api"]}, "targets and release exclude each other"),
        ({"to": "v1"}, '"to" names the version of a rollback'),
        ({"to": "v1", "targets": ["alb"]}, '"to" names the version of a rollback'),
        ({"rollback": "alb", "to": 7}, '"to" takes a version'),
        ({"rollback": ["alb"]}, '"rollback" takes one target\'s id'),
        ({"rollback": ""}, '"rollback" takes one target\'s id'),
        ({"rollback": None}, '"rollback" takes one target\'s id'),
        ({"release": True}, '"release" takes one target\'s id'),
        ({"sweep": "all"}, '"sweep" takes true'),
        ({"sweep": None}, '"sweep" takes true'),
        ({"sweep": 1}, '"sweep" takes true'),
        ({"enqueue": "all"}, "unknown in the event: enqueue"),
        ({"targets": "alb"}, 'a list of target ids, such as ["alb"]'),
        ({"targets": [1]}, 'a list of target ids, such as ["alb"]'),
        ({"targets": None}, 'a list of target ids, such as ["alb"]'),
        ({"dry_run": "true"}, '"dry_run" takes true or false'),
        ({"dry_run": 1}, '"dry_run" takes true or false'),
        ({"dryrun": True}, "unknown in the event: dryrun"),
        ({"targets": ["alb"], "skip_unknown_targets": True}, "unknown in the event: skip_unknown_targets"),
        ({"rolback": "alb"}, '{"rollback": "<id>", "to": "<version>"}'),
        ([], "must be a JSON object"),
        (None, "must be a JSON object"),
        ({"Records": []}, "no message"),
        ({"Records": None}, "is not understood"),
        ({"Records": [{}]}, "is not understood"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_fields_and_the_way_out(event: object, words: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        decode_request(event)
    assert words in str(refused.value)


def test_the_events_of_the_readme_are_requests() -> None:
    read = {path.stem: decode_request(json.loads(path.read_text())) for path in EVENTS.glob("publish-*.json")}
    assert read == {
        "publish-all": Reconcile(),
        "publish-changed": Changed(
            names=frozenset(
                {
                    "arn:aws:elasticloadbalancing:us-east-1:123456789012:truststore/genesys-clients/0123456789abcdef",
                    "another-bucket",
                    "bundle.pem",
                    "genesys-clients",
                    "ACTIVE",
                }
            ),
            occasion="2026-11-27T09:00:01Z",
        ),
        "publish-dry-run": Reconcile(dry_run=True),
        "publish-queue": Queued(
            messages=(
                Message(
                    id="0b5c2f6e-6f0f-4b57-9a0c-2f6f3a3b1c01",
                    receipt="AQEBexample",
                    receives=1,
                    target="genesys-clients",
                ),
            )
        ),
        "publish-release": Release(target="genesys-clients"),
        "publish-rollback": Rollback(target="genesys-clients"),
        "publish-scheduled": Sweep(),
    }


VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3), st.lists(st.text(max_size=3)))


@pytest.mark.parametrize(
    "detail", [None, 5, "x", [], {}, {"requestParameters": None}, {"requestParameters": [[["x"]]]}]
)
def test_an_event_of_cloudtrail_that_is_not_as_it_should_be_names_no_target(detail: object) -> None:
    request = decode_request({"detail-type": "AWS API Call via CloudTrail", "detail": detail})
    assert isinstance(request, Changed)
    assert request.names <= {"x"}
    assert not request.ways_in


FIELDS = st.sampled_from(["targets", "dry_run", "rollback", "to", "release", "sweep", "Records", "other"])


@given(st.one_of(VALUES, st.dictionaries(FIELDS, VALUES)))
def test_any_event_is_a_request_that_says_no_less_than_was_typed_or_is_refused(event: object) -> None:
    try:
        request = decode_request(event)
    except RequestRefused:
        return
    assert isinstance(event, dict)
    said: dict[str, object] = {}
    match request:
        case Reconcile():
            said = {"targets": [*request.targets], "dry_run": request.dry_run}
            event = event | {"targets": [*dict.fromkeys(event.get("targets", []))]}
        case Rollback():
            said = {"rollback": request.target, "dry_run": request.dry_run}
            said |= {"to": request.to} if request.to else {}
        case Release():
            said = {"release": request.target, "dry_run": request.dry_run}
        case Queued() | Changed():
            return
        case Sweep():
            said = {"sweep": True, "dry_run": request.dry_run}
    assert said == {"dry_run": False} | event
