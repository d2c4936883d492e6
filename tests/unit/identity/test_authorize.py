"""The authorizer: the cases of the decision in every shape of event, and what it says of them."""

import json
from datetime import timedelta
from typing import Any

import pytest

from rotation_watcher import keys
from rotation_watcher.authorize import authorize
from rotation_watcher.identity.door import LIMIT
from tests.support import doors
from tests.support.doors import Case, cases
from tests.support.fake_door import ARN, SHAPES, DoorWorld, event, verdict


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("case", cases("authorizer"), ids=lambda case: case.name)
def test_what_is_presented_gets_its_reason(case: Case, shape: str) -> None:
    world = DoorWorld(case.policy)
    allowed, told = world.ask(case.leaf, shape, region=case.region)
    assert (allowed, told["reason"]) == (case.allowed, case.reason)
    (entry,) = world.logged
    assert (entry["allowed"], entry["reason"]) == (case.allowed, case.reason)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "wrong",
    [
        {"requestContext": None},
        {"requestContext": {"identity": "x", "authentication": 7}},
        {"requestContext": {"identity": {"clientCert": []}, "authentication": {"clientCert": None}}},
        {"type": "TOKEN", "requestContext": {}, "authorizationToken": "x"},
    ],
)
def test_an_event_of_another_form_lets_nobody_in(wrong: dict[str, Any], shape: str) -> None:
    world = DoorWorld()
    told = verdict(authorize(event("x", shape) | wrong, world.ports(iam="iam" in shape)), shape)
    assert told == (False, {"reason": "no-certificate"})


def test_a_certificate_in_the_place_of_another_payload_is_none() -> None:
    first, second = event(doors.presented("genesys"), "rest"), event(doors.presented("genesys"), "http-2.0-simple")
    mixed = first | {"version": "2.0", "routeArn": ARN}
    assert authorize(mixed, DoorWorld().ports())["isAuthorized"] is False
    crossed = first | {"requestContext": second["requestContext"]}
    assert verdict(authorize(crossed, DoorWorld().ports()), "rest")[0] is False


@pytest.mark.parametrize("odd", [None, 7, "x", [], {}, {"version": ["2.0"]}])
def test_no_event_at_all_is_refused(odd: object) -> None:
    answer = authorize(odd, DoorWorld().ports())
    assert answer["policyDocument"]["Statement"][0]["Effect"] == "Deny"


def test_an_event_without_its_arn_allows_nothing() -> None:
    world = DoorWorld()
    answer = authorize(event(doors.presented("genesys"), "rest") | {"methodArn": "*"}, world.ports())
    assert answer["policyDocument"]["Statement"] == [
        {"Action": "execute-api:Invoke", "Effect": "Deny", "Resource": "*"}
    ]


def test_neither_log_nor_answer_holds_the_certificates_text() -> None:
    for leaf in ("garbage", "customer", "other-name", "two", "private-key"):
        world = DoorWorld()
        answer = authorize(event(doors.presented(leaf), "rest"), world.ports())
        said = json.dumps([answer, world.logged])
        assert not [one for one in ("script", "example.com", "BEGIN", "CERTIFICATE", "PRIVATE") if one in said]


def test_no_policy_and_one_that_is_too_old_are_errors_of_the_door() -> None:
    world = DoorWorld("unreadable")
    world.ask("genesys")
    assert world.logged[-1]["level"] == "ERROR"
    assert "run publish" in world.logged[-1]["refresh"][0]
    world = DoorWorld()
    assert world.ask("genesys")[0]
    world.objects.failing = lambda _key: True
    world.clock.advance(LIMIT)
    assert world.ask("genesys")[1]["reason"] == "pinned"
    world.clock.advance(timedelta(seconds=1))
    assert world.ask("genesys") == (False, {"reason": "policy-too-old"})
    assert world.logged[-1]["level"] == "ERROR"
    world.objects.failing = lambda _key: False
    world.clock.advance(timedelta(seconds=60))
    assert world.ask("genesys")[0]


def test_an_unknown_leaf_wakes_a_look_at_its_source() -> None:
    world = DoorWorld()
    assert world.ask("off-cycle") == (
        False,
        {
            "reason": "unknown-leaf",
            "sha256": doors.leaves()["off-cycle"].read.fingerprint,
            "source": "use1",
            "region": "us-east-1",
            "authority": "DigiCert",
        },
    )
    assert world.looks.looked == ["use1"]
    assert world.logged[-1]["look"] == "asked"


def test_an_off_cycle_rotation_is_admitted_within_half_a_minute_of_its_first_request() -> None:
    world = DoorWorld()
    assert not world.ask("off-cycle")[0]
    assert world.looks.looked == ["use1"]
    world.clock.advance(timedelta(seconds=20))  # collect and publish have done their work
    held = doors.document()
    new = doors.leaves()["off-cycle"].read.fingerprint
    held["pins"].append(held["pins"][1] | {"sha256": new})
    world.objects.held[keys.identity("main")] = json.dumps(held).encode()
    assert world.ask("off-cycle")[0]
    assert world.ask("customer") == (
        False,
        {"reason": "not-pinned", "sha256": doors.leaves()["customer"].read.fingerprint},
    )


def test_a_flood_of_unknown_leaves_wakes_one_look_a_minute_over_all_containers() -> None:
    world = DoorWorld()
    containers = [world.ports(door=world.container()) for _ in range(5)]
    for _ in range(3 * 60):
        for ports in containers:
            authorize(event(doors.presented("off-cycle"), "rest"), ports)
        world.clock.advance(timedelta(seconds=1))
    assert len(world.looks.looked) == 3


def test_a_flood_of_strangers_wakes_nothing() -> None:
    world = DoorWorld()
    for leaf in ("customer", "forged-root", "other-root", "self-signed", "garbage", "expired-pin", "revoked"):
        world.ask(leaf)
    assert world.looks.looked == []
    assert ("put", keys.wake("use1")) not in world.objects.calls


def test_of_two_containers_at_once_one_wakes_the_look() -> None:
    world = DoorWorld()

    def other() -> None:
        world.objects.before_put = lambda: None
        authorize(event(doors.presented("off-cycle"), "rest"), world.ports(door=world.container()))

    world.objects.before_put = other
    world.ask("off-cycle")
    assert world.looks.looked == ["use1"]
    assert [entry["look"] for entry in world.logged] == ["asked", "asked-recently"]


def test_a_container_asks_the_bucket_once_a_minute_in_a_flood() -> None:
    world = DoorWorld()
    ports = world.ports()
    for _ in range(30):
        authorize(event(doors.presented("off-cycle"), "rest"), ports)
    assert world.objects.calls.count(("get", keys.wake("use1"))) == 1


@pytest.mark.parametrize("mark", [b"", b"{}", b'{"at": "2099-01-01T00:00:00Z"}', b'{"at": "2026-01-01T00:00:00"}'])
def test_a_mark_that_nobody_of_ours_wrote_holds_no_look_up(mark: bytes) -> None:
    world = DoorWorld()
    world.objects.held[keys.wake("use1")] = mark
    world.ask("off-cycle")
    assert world.looks.looked == ["use1"]


def test_a_look_that_cannot_be_asked_for_is_logged_and_the_answer_stands() -> None:
    world = DoorWorld("name")
    world.looks.failing = True
    assert world.ask("off-cycle")[0]
    assert world.logged[-1]["look"] == "failed"
