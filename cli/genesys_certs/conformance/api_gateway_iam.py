"""What IAM asks for a change of a custom domain: updates in the name of the operator's role, which may do ever less."""

import json
from collections.abc import Callable
from typing import Any

from genesys_certs.conformance.asking import tried
from genesys_certs.conformance.model import Answer, Outcome, Probe, not_asked
from genesys_certs.conformance.workshop import TAG

_DENIED = ("AccessDeniedException", "AccessDenied", "UnauthorizedException")
_LOCKED = "moto derives other actions than IAM has for API Gateway, so nothing is enforced there"


def _allowed(statements: Callable[[str], list[dict[str, Any]]], *, off: bool = False) -> Callable[[Any], Answer]:
    """An update in the name of the operator's role, that may do no more than ``statements`` of the domain's ARN say.

    ``off``: one that turns mutual TLS off.
    """

    def probe(bench: Any) -> Answer:
        if not bench.options.role:
            return not_asked("give --role")
        arn = f"arn:{bench.services.partition}:apigateway:{bench.services.region}::/domainnames"
        always = [
            {"Effect": "Allow", "Action": ["s3:GetObject", "s3:GetObjectVersion"], "Resource": "*"},
            {"Effect": "Allow", "Action": "apigateway:GET", "Resource": "*"},
        ]
        said = [{"Effect": "Allow", **one} for one in statements(f"{arn}/{bench.options.domain}")]
        client = bench.services.restricted(
            "apigateway", bench.options.role, json.dumps({"Version": "2012-10-17", "Statement": always + said})
        )
        place = bench.put(bench.material.root().pem)
        bench.settled()
        bench.wait_for_turn()
        change = {"truststoreUri": ""} if off else {"truststoreUri": place.uri, "truststoreVersion": place.version}
        answer = tried(lambda: bench.patch(client, **change), means=_DENIED)
        bench.settled()
        if off and answer.outcome is Outcome.TAKEN:
            bench.update(bench.first)
            bench.settled()
        return answer

    return probe


def _patch(arn: str) -> list[dict[str, Any]]:
    return [{"Action": "apigateway:PATCH", "Resource": arn}]


def _adding(*resources: str) -> Callable[[str], list[dict[str, Any]]]:
    """PATCH, and both certificate actions on these resources; ``{}`` is the domain, ``{..}`` the list of domains."""

    def statements(arn: str) -> list[dict[str, Any]]:
        places = {"{}": arn, "{..}": arn.rpartition("/")[0], "*": "*"}
        named = [places[one] for one in resources]
        actions = ["apigateway:AddCertificateToDomain", "apigateway:RemoveCertificateFromDomain"]
        return [*_patch(arn), {"Action": actions, "Resource": named}]

    return statements


def _with_truststore(arn: str) -> list[dict[str, Any]]:
    """Both certificate actions under a condition that the request names a truststore."""
    wanted = {"StringLike": {"apigateway:Request/MtlsTrustStoreUri": "s3://*"}}
    patch, adding = _adding("{}", "{..}")(arn)
    return [patch, adding | {"Condition": wanted}]


def _tagged(arn: str) -> list[dict[str, Any]]:
    wanted = {"StringLike": {f"aws:ResourceTag/{TAG}": "*"}}
    patch, adding = _adding("{}", "{..}")(arn)
    return [patch | {"Condition": wanted}, adding]


IAM = (
    Probe("api-gateway.iam.patch-alone", "An update with PATCH alone.", _allowed(_patch), _LOCKED, ("role",)),
    Probe(
        "api-gateway.iam.add-on-domain",
        "With both certificate actions on the domain.",
        _allowed(_adding("{}")),
        _LOCKED,
        ("role",),
    ),
    Probe(
        "api-gateway.iam.add-on-both",
        "With both certificate actions on the domain and on /domainnames.",
        _allowed(_adding("{}", "{..}")),
        _LOCKED,
        ("role",),
    ),
    Probe(
        "api-gateway.iam.add-on-all", "With both certificate actions on *.", _allowed(_adding("*")), _LOCKED, ("role",)
    ),
    Probe(
        "api-gateway.iam.off-patch-alone",
        "Mutual TLS off with PATCH alone.",
        _allowed(_patch, off=True),
        _LOCKED,
        ("role",),
    ),
    Probe(
        "api-gateway.iam.off-on-domain",
        "Mutual TLS off with both certificate actions on the domain.",
        _allowed(_adding("{}"), off=True),
        _LOCKED,
        ("role",),
    ),
    Probe(
        "api-gateway.iam.add-with-truststore",
        "With both certificate actions under a condition on the truststore that the request names.",
        _allowed(_with_truststore),
        _LOCKED,
        ("role",),
    ),
    Probe(
        "api-gateway.iam.resource-tag",
        "PATCH under a condition on the domain's tag.",
        _allowed(_tagged),
        _LOCKED,
        ("role",),
    ),
)
