"""Which resource a call is about, where moto's enforcement of IAM would say "*" and so refuse every named resource."""

from collections.abc import Callable
from typing import Any

from moto.elbv2.responses import ELBV2Response
from moto.secretsmanager.responses import SecretsManagerResponse
from moto.sns.responses import SNSResponse
from moto.ssm.responses import SimpleSystemManagerResponse
from moto.utilities.utils import get_partition

_OF_A_TRUST_STORE = {"ModifyTrustStore", "GetTrustStoreCaCertificatesBundle"}
"""The operations whose IAM actions know a resource; Describe operations know none (Service Authorization Reference)."""


def _topic(response: Any) -> str:
    return str(response._get_param("TopicArn") or "*")  # noqa: SLF001 - moto's own way to a parameter


def _parameter(response: Any) -> str:
    name = str(response._get_param("Name") or "")  # noqa: SLF001
    if not name or name.startswith("arn:"):
        return name or "*"
    place = f"arn:{get_partition(response.region)}:ssm:{response.region}:{response.current_account}"
    return f"{place}:parameter/{name.removeprefix('/')}"


def _secret(response: Any) -> str:
    return str(response._get_param("SecretId") or "*")  # noqa: SLF001


def _trust_store(response: Any) -> str:
    named = response._get_action() in _OF_A_TRUST_STORE  # noqa: SLF001
    return str(response._get_param("TrustStoreArn") or "*") if named else "*"  # noqa: SLF001


RESOURCES: dict[type, Callable[[Any], str]] = {
    SNSResponse: _topic,
    SimpleSystemManagerResponse: _parameter,
    SecretsManagerResponse: _secret,
    ELBV2Response: _trust_store,
}
