"""Whatever somebody does to a target: one scheduled run finds it, alerts the difference, and heals what it may."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from local.environment import BUCKET, Environment
from tests.support import others
from tests.support.words import word

LATER = timedelta(minutes=15)


class Act(NamedTuple):
    """What somebody does to a target, and what is alerted: a kind of alert, and words in it.

    ``heals``: with ``on_drift`` heal the run undoes it; the rest is a person's to undo.
    """

    target: str
    name: str
    do: Callable[[Environment], object]
    kind: str
    words: tuple[str, ...]
    heals: bool = True


def theirs(environment: Environment) -> str:
    """Somebody's own bundle."""
    return environment.world.region("ca-central-1").root_pem()


def patch_http(environment: Environment, **values: str) -> None:
    http = environment.aws.client("apigatewayv2")
    known = http.get_domain_name(DomainName="http.example.com")["DomainNameConfigurations"][0]
    kept = {name: known[name] for name in ("CertificateArn", "EndpointType", "SecurityPolicy")}
    http.update_domain_name(
        DomainName="http.example.com", DomainNameConfigurations=[kept], MutualTlsAuthentication=values
    )
    environment.aws.settle()


def open_http(environment: Environment) -> None:
    http = environment.aws.client("apigatewayv2")
    http.update_api(ApiId=http.get_apis()["Items"][0]["ApiId"], DisableExecuteApiEndpoint=False)


def point_http(environment: Environment) -> None:
    version = environment.put(others.ELSEWHERE, theirs(environment))
    patch_http(environment, TruststoreUri=f"s3://{BUCKET}/{others.ELSEWHERE}", TruststoreVersion=version)


ELSEWHERE = ("s3://watcher-bucket/somebody/else.pem",)
OPEN = ("The default execute-api endpoint",)
ACTS = (
    Act("alb", "the bundle is replaced", lambda s: others.load(s, theirs(s)), "drift-found", ()),
    Act("alb", "the listener passes through", others.pass_through, "mtls-off", ("passthrough",), heals=False),
    Act("rest", "the domain points elsewhere", lambda s: others.point_rest(s, theirs(s)), "drift-found", ELSEWHERE),
    Act("rest", "mutual TLS is off", others.turn_off_rest, "mtls-off", ("mutual TLS is off",)),
    Act("rest", "the default endpoint is open", others.open_rest, "mtls-off", OPEN, heals=False),
    Act(
        "http",
        "the domain points elsewhere",
        point_http,
        "drift-found",
        ELSEWHERE,
    ),
    Act("http", "mutual TLS is off", lambda s: patch_http(s, TruststoreUri=""), "mtls-off", ("mutual TLS is off",)),
    Act("http", "the default endpoint is open", open_http, "mtls-off", OPEN, heals=False),
)


@pytest.mark.parametrize("on_drift", ["heal", "report"])
@pytest.mark.parametrize("act", ACTS, ids=lambda act: f"{act.target}: {act.name}")
def test_what_somebody_does_to_a_target_is_found_by_one_scheduled_run(
    environment: Environment, act: Act, on_drift: str
) -> None:
    environment.tick()
    next(one for one in environment.watch["targets"] if one["id"] == act.target)["on_drift"] = on_drift
    environment.configure()
    environment.schedule()
    before = set(environment.live(act.target))
    environment.new_alerts()
    environment.clock.advance(LATER)
    act.do(environment)
    changed = set(environment.live(act.target))
    environment.clock.advance(LATER)
    environment.schedule()  # one scheduled run, and no observation of Genesys
    about = [alert for alert in environment.new_alerts() if alert.target == act.target]
    told = [alert for alert in about if word(alert) == act.kind]
    assert len(told) == 1
    said = " ".join([told[0].title, told[0].what_happened, told[0].what_it_means, *told[0].facts.values()])
    for words in act.words:
        assert words in said
    for fingerprint in before ^ changed if act.kind == "drift-found" else ():
        assert fingerprint[:16] in said.replace(":", "").lower()
    if act.heals and on_drift == "heal":
        assert before <= set(environment.live(act.target)) | of_others(environment)
        assert changed <= set(environment.live(act.target))  # what somebody put there himself stays
        assert [word(alert) for alert in about].count("truststore-updated") == 1
    else:
        assert set(environment.live(act.target)) == changed
        assert "truststore-updated" not in {word(alert) for alert in about}
    for _ in range(2):
        environment.clock.advance(LATER)
        environment.schedule()
    again: list[Any] = [
        alert for alert in environment.new_alerts() if alert.target == act.target and word(alert) == act.kind
    ]
    assert again == []


def of_others(environment: Environment) -> set[str]:
    """The certificate of somebody else that was there from the start: who takes it away may."""
    return {environment.world.region("sa-east-1").issuer("Genesys").signer.fingerprint}
