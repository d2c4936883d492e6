"""How a KMS key is asked about: in two sessions of the operator's role, and the key stays as it was."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from genesys_certs.conformance import running
from genesys_certs.conformance.model import Answer, Outcome, claims, difference
from genesys_certs.conformance.redaction import Redactor
from genesys_certs.conformance.suites import SUITES
from genesys_certs.conformance.workshop import Options
from local.aws.other_place import assumed
from local.aws.server import EmbeddedAws
from local.genesys.clock import VirtualClock
from tests.conformance.embedded import KEY, ROLE, RUN, options, services, with_keys

ASKED = [(name, probe.id) for name, suite in SUITES.items() for probe in suite.probes if ".kms.denied-" in probe.id]
ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


class Session(NamedTuple):
    """A session that was asked for."""

    service: str
    role: str
    statements: list[dict[str, Any]]


def asked(
    aws: EmbeddedAws, clock: VirtualClock, name: str, *only: str, restricted: Callable[..., Any] | None = None
) -> dict[str, Answer]:
    """The answers of some probes; nothing is left."""
    chosen, world = options(aws), services(aws, clock)
    world = world._replace(restricted=restricted or world.restricted)
    aws.calls.clear()
    record, gone = running.run(SUITES[name].only(only), world, chosen, RUN, Redactor([]), lambda _: None)
    assert gone.clean
    return record.answers


def test_there_is_a_denial_of_each_kind_of_reading() -> None:
    assert [probe for _, probe in ASKED] == [
        *(f"alb.kms.denied-{what}" for what in ("create", "update", "revocation")),
        *(f"api-gateway.kms.denied-{what}" for what in ("update", "create")),
        *(f"cloudfront.kms.denied-{what}" for what in ("create", "update")),
    ]


@pytest.mark.parametrize(("name", "probe"), ASKED)
def test_a_service_that_reads_in_its_own_name_is_told_from_one_that_reads_in_its_callers(
    name: str, probe: str, aws: EmbeddedAws, clock: VirtualClock
) -> None:
    """Nobody judges the calls of these sessions, so they read what they may not decrypt."""
    sessions: list[Session] = []

    def unjudged(service: str, role: str, policy: str) -> Any:
        sessions.append(Session(service, role, json.loads(policy)["Statement"]))
        return with_keys(aws, assumed(aws, role, policy))(service, aws.region)

    found = asked(aws, clock, name, probe, restricted=unjudged)[probe]
    assert found.outcome is Outcome.TAKEN
    assert difference(claims()[probe], found).startswith("claimed refused ")
    assert {(one.service, one.role) for one in sessions} == {
        ({"alb": "elbv2", "api-gateway": "apigateway"}.get(name, name), f"arn:aws:iam::{aws.account}:role/{ROLE}")
    }
    deny = {"Effect": "Deny", "Action": "kms:Decrypt", "Resource": "*"}
    assert [one.statements for one in sessions] == [[ALL], [ALL, deny]]


@pytest.mark.parametrize(("name", "probe"), ASKED)
def test_a_role_that_may_not_do_it_with_the_key_either_gives_no_verdict(
    name: str, probe: str, aws: EmbeddedAws, clock: VirtualClock
) -> None:
    def bound(service: str, role: str, policy: str) -> Any:
        lacking = {"Effect": "Deny", "Action": "s3:GetObjectVersion", "Resource": "*"}
        given = json.loads(policy)
        given["Statement"].append(lacking)
        return services(aws, clock).restricted(service, role, json.dumps(given))

    found = asked(aws, clock, name, probe, restricted=bound)[probe]
    assert found.outcome is Outcome.NOT_ASKED
    assert found.text.startswith("the role may not do it with the key, either: ")


@pytest.mark.parametrize("name", ["alb", "api-gateway", "cloudfront"])
def test_files_lie_under_the_key_and_nothing_is_asked_of_the_key_itself(
    name: str, aws: EmbeddedAws, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    lying: set[tuple[str, str | None]] = set()
    read = aws.knobs.read_object

    def reader(account: str, region: str, bucket: str, key: str, version: str | None = None) -> Any:
        shown = aws.client("s3").head_object(Bucket=bucket, Key=key)
        lying.add((key, shown.get("SSEKMSKeyId")))
        return read(account, region, bucket, key, version)

    monkeypatch.setattr(aws.knobs, "read_object", reader)
    found = asked(aws, clock, name, "*.kms.update")
    assert [one.outcome for one in found.values()] == [Outcome.TAKEN]
    assert lying == {("truststore.pem" if name == "api-gateway" else "bundle.pem", None), ("sealed.pem", KEY)}
    assert aws.calls.of("kms") == []


def test_a_domain_whose_new_creation_was_refused_is_there_for_what_is_asked_next(
    aws: EmbeddedAws, clock: VirtualClock
) -> None:
    found = asked(aws, clock, "api-gateway", "api-gateway.kms.denied-create", "api-gateway.v1.sees-http-domain")
    refused, after = found.values()
    assert (refused.outcome, refused.code) == (Outcome.REFUSED, "BadRequestException")
    assert after.facts == {"same_truststore": True}
    assert [call.operation for call in aws.calls.of("apigateway")].count("CreateDomainName") == 4


def test_a_further_trust_store_has_a_name_that_is_not_above_the_longest(aws: EmbeddedAws, clock: VirtualClock) -> None:
    asked(aws, clock, "alb", "alb.kms.create")
    made = [call.resource for call in aws.calls.of("elbv2", "CreateTrustStore")]
    assert len({*made}) == len(made) == 2
    assert [len(name) for name in made] == [32, 32]


def test_without_a_role_no_denial_is_asked_and_without_a_key_nothing() -> None:
    suite = SUITES["alb"].only(["alb.kms.*"])
    able, wanted = suite.able(Options(kms_key=KEY))
    assert any("more trust stores" in one for one in suite.creations(Options(kms_key=KEY)))
    assert [probe.id for probe in able.probes] == ["alb.kms.create", "alb.kms.update", "alb.kms.revocation"]
    assert wanted == ["--role"]
    able, wanted = suite.able(Options(role="arn:aws:iam::123456789012:role/conformance"))
    assert (able.probes, wanted) == ([], ["--kms-key"])
