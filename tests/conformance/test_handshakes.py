"""Handshakes of the kit at real TLS servers: what has no claim is asked, lag is timed, no door is waited for twice."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from socket import socket
from typing import Any

import pytest

from genesys_certs.conformance import door, handshakes, nlb_handshake, running
from genesys_certs.conformance.door import Door, Seen
from genesys_certs.conformance.handshakes import Doorway
from genesys_certs.conformance.material import Material
from genesys_certs.conformance.model import Answer, Outcome, taken
from genesys_certs.conformance.redaction import Redactor
from genesys_certs.conformance.suites import SUITES
from genesys_certs.conformance.workshop import Services
from genesys_certs.problems import Problem
from local.aws.server import EmbeddedAws
from tests.conformance import doors as at_doors
from tests.conformance.doors import doors
from tests.conformance.embedded import DEPLOYMENT, RUN, options, present, services

DOORS = ("alb-handshake", "api-gateway-handshake", "nlb-handshake", "distribution")


def asked(name: str, *only: str, change: Callable[[Services], Services] = lambda one: one, **knobs: Any) -> Any:
    """The answers of some probes of a suite, those without a claim as well."""
    clock = present()
    with EmbeddedAws(clock, **knobs) as aws, doors(aws) as connect:
        world = change(services(aws, clock, connect))
        record, gone = running.run(SUITES[name].only(only), world, options(aws), RUN, Redactor([]), lambda _: None)
        assert gone.clean
        return record.answers


def silent(name: str) -> list[str]:
    return [probe.id for probe in SUITES[name].probes if probe.unclaimed]


@pytest.mark.parametrize("name", DOORS)
def test_what_has_no_claim_is_asked_and_told_all_the_same(name: str) -> None:
    found = asked(name, *silent(name), deploy_delay=DEPLOYMENT)
    assert len(found) >= 2
    assert {one.outcome for one in found.values()} == {Outcome.TAKEN}
    assert found[f"{name}.client.depth"].facts == {"intermediates": 4}
    assert found[f"{name}.client.intermediate-alone"].facts == {"admitted": False}


def test_what_a_list_does_is_seen_by_its_clients() -> None:
    found = asked("alb-handshake", "alb-handshake.list.*")
    facts = {name.rpartition(".")[2]: answer.facts for name, answer in found.items()}
    assert facts == {
        "revoked": {"refused": True, "others_kept": True},
        "lifted": {"admitted": True},
        "ended": {"admitted": False},
        "other-issuer": {"admitted": False},
    }


def test_a_change_that_is_met_late_is_waited_for_and_timed() -> None:
    found = asked("api-gateway-handshake", "*.change.*", edge_lag=timedelta(seconds=70))
    added, removed = (found[f"api-gateway-handshake.change.{one}"] for one in ("added", "removed"))
    assert added.facts == {"admitted": True, "others_kept": True}
    assert removed.facts == {"refused": True, "others_kept": True}
    assert all(50 < one.seconds < 90 for one in (added, removed)), (added.seconds, removed.seconds)


def test_a_door_that_lets_nobody_in_is_waited_for_once() -> None:
    waited: list[float] = []

    def unreachable(_host: str, _port: int) -> socket:
        raise TimeoutError

    def change(world: Services) -> Services:
        def wait(seconds: float) -> None:
            waited.append(seconds)
            world.wait(seconds)

        return world._replace(connect=unreachable, wait=wait)

    found: dict[str, Answer] = asked(
        "alb-handshake", "*.client.none", "*.client.stranger", "*.change.added", change=change
    )
    assert {answer.outcome for answer in found.values()} == {Outcome.NOT_ASKED}
    assert {answer.code for answer in found.values()} == {"shut"}
    assert handshakes.PATIENCE <= sum(waited) < 1.5 * handshakes.PATIENCE


def test_no_connection_is_no_verdict() -> None:
    def refused(_host: str, _port: int) -> socket:
        raise ConnectionRefusedError

    with pytest.raises(Problem, match="cannot be reached"):
        door.knock(refused, Door("nowhere.example.com", 443, "name.example.com"), [])


class OneDoor(Doorway):
    """A bench that needs no AWS: knocks are answered from a list."""

    def __init__(self, world: Services, verdicts: Sequence[bool]) -> None:
        self.services, self.material = world, Material(world.now())
        self.door = Door("door.example.com", 443, "door.example.com")
        self.verdicts = [*verdicts]

    def hold(self, content: bytes) -> None:
        """Nothing to load."""

    def admits(self, seen: Seen) -> bool:
        return bool(seen.status)

    def forget(self) -> None:
        self.gone_at = self.services.timer()


@pytest.mark.parametrize(
    ("verdicts", "knocks", "since"),
    [
        ([True, True, True], 3, 0.0),
        ([False, True, True, True], 4, 3.0),
        ([True, True, False, True, True, True], 6, 9.0),
    ],
)
def test_only_several_knocks_in_a_row_that_agree_end_the_wait(
    verdicts: list[bool], knocks: int, since: float, monkeypatch: pytest.MonkeyPatch, aws: EmbeddedAws
) -> None:
    clock = present()
    bench = OneDoor(services(aws, clock), verdicts)

    def answer(*_: object) -> Seen:
        return Seen(200 if bench.verdicts.pop(0) else 0)

    monkeypatch.setattr(handshakes, "knock", answer)
    assert handshakes.until(bench, [], admitted=True) == pytest.approx(since)
    assert len(verdicts) - len(bench.verdicts) == knocks


@pytest.mark.parametrize("admitted", [True, False])
def test_ten_minutes_after_its_object_is_gone_a_client_is_told_from_one_that_is_shut_out(
    admitted: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
    aws: EmbeddedAws,
) -> None:
    clock = present()
    bench = OneDoor(services(aws, clock), [True, True, True, admitted])
    monkeypatch.setattr(handshakes, "knock", lambda *_: Seen(200 if bench.verdicts.pop(0) else 0))
    (probe,) = [one for one in handshakes.probes("any") if one.id == "any.change.object-gone"]
    assert probe.ask(bench).facts == {"admitted": admitted}
    assert (bench.verdicts, bench.services.timer() - bench.gone_at) == ([], 600)


def test_what_was_loaded_last_is_what_is_deleted() -> None:
    """In the account: the version that the trust store was told of, and no other."""
    found: list[Any] = []

    def look(bench: Any) -> Answer:
        handshakes.held(bench)
        versions = bench.workshop.client("s3").list_object_versions(Bucket=bench.bucket)
        found.append({one["VersionId"] for one in versions["Versions"]})
        found.append(bench.placed.version)
        bench.forget()
        versions = bench.workshop.client("s3").list_object_versions(Bucket=bench.bucket)
        found.append({one["VersionId"] for one in versions["Versions"]})
        found.append(bench.read() == bench.services.download(bench.url()))
        return taken()

    with EmbeddedAws(clock := present()) as aws, doors(aws) as connect:
        suite = SUITES["alb-handshake"]
        suite = suite._replace(probes=[suite.probes[0]._replace(ask=look)])
        running.run(suite, services(aws, clock, connect), options(aws), RUN, Redactor([]), lambda _: None)
    before, last, after, still_given = found
    assert (before - after, len(before), still_given) == ({last}, 2, True)


def test_a_network_load_balancer_leads_to_the_server_that_was_named() -> None:
    targets: list[Any] = []
    kinds: list[Any] = []

    def look(bench: Any) -> Answer:
        (group,) = bench.elb.describe_target_groups()["TargetGroups"]
        shown = bench.elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
        targets.extend(one["Target"] for one in shown)
        (balancer,) = bench.elb.describe_load_balancers()["LoadBalancers"]
        kinds.extend((balancer["Type"], balancer["Scheme"]))
        return taken()

    with EmbeddedAws(clock := present()) as aws:
        suite = SUITES["nlb-handshake"]
        suite = suite._replace(probes=[suite.probes[0]._replace(ask=look)])
        running.run(suite, services(aws, clock), options(aws), RUN, Redactor([]), lambda _: None)
    assert [(one["Id"], one["Port"]) for one in targets] == [("10.0.0.5", 8080)]
    assert kinds == ["network", "internet-facing"]


@pytest.mark.parametrize(
    ("seen", "admitted"),
    [
        (Seen(200, "any"), True),
        (Seen(404, "any"), True),
        (Seen(503), True),
        (Seen(400, "any"), False),
        (Seen(ended="tlsv13 alert certificate required"), False),
    ],
)
def test_whatever_the_server_behind_a_network_load_balancer_answers_is_an_admission(
    seen: Seen,
    admitted: bool,  # noqa: FBT001
) -> None:
    assert nlb_handshake.Bench.admits(object.__new__(nlb_handshake.Bench), seen) is admitted


def test_a_listener_that_heeds_no_filter_is_told_from_one_that_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at_doors, "subjects", lambda *_: None)
    monkeypatch.setattr(handshakes, "PATIENCE", 30.0)
    found = asked("nlb-handshake", "*.filter.exact", "*.filter.part", "*.filter.lifted")
    facts = {name.rpartition(".")[2]: answer.facts for name, answer in found.items()}
    assert facts == {
        "exact": {"partner_admitted": True, "other_refused": False},
        "part": {"partner_admitted": True, "other_refused": False},
        "lifted": {},
    }
    assert found["nlb-handshake.filter.lifted"].outcome is Outcome.NOT_ASKED
