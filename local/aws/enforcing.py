"""moto's enforcement of IAM, mended where it is wrong, and a list of what it was asked to allow.

For SNS, SSM, STS, Secrets Manager and trust stores moto would take the resource of every call for "*", and so refuse
what a policy names. A tag that comes with an object it would take without asking. For API Gateway it derives actions
that IAM does not have, and takes no signature of an assumed role: there it is not asked at all. For CloudFront only the
signature is passed over, for the same reason. Of the key behind an object, a queue or a topic it asks nothing
(``encryption`` says what), nor of what a service reads for its caller and of a session's policy (``caller_rights``).
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, NamedTuple
from unittest.mock import patch

from moto import settings
from moto.apigateway.responses import APIGatewayResponse
from moto.apigatewayv2.responses import ApiGatewayV2Response
from moto.cloudfront.responses import CloudFrontResponse
from moto.core.exceptions import AccessDeniedError, InvalidClientTokenIdError
from moto.elbv2.responses import ELBV2Response
from moto.iam.access_control import IAMRequest, IAMRequestBase
from moto.s3 import responses as s3_responses
from moto.secretsmanager.responses import SecretsManagerResponse
from moto.sns.responses import SNSResponse
from moto.ssm.responses import SimpleSystemManagerResponse
from moto.sts.responses import TokenResponse
from moto.utilities.utils import get_partition

from local.aws import caller_rights, encryption
from local.aws.patching import patched

_NAMING = {
    **dict.fromkeys(("ModifyTrustStore", "DeleteTrustStore", "GetTrustStoreCaCertificatesBundle"), "TrustStoreArn"),
    **dict.fromkeys(("AddTrustStoreRevocations", "RemoveTrustStoreRevocations"), "TrustStoreArn"),
    "GetTrustStoreRevocationContent": "TrustStoreArn",
    **dict.fromkeys(("ModifyListener", "DeleteListener"), "ListenerArn"),
    **dict.fromkeys(("CreateListener", "DeleteLoadBalancer"), "LoadBalancerArn"),
    **dict.fromkeys(("DeleteTargetGroup", "RegisterTargets"), "TargetGroupArn"),
}
"""Operations whose IAM actions know a resource, and the parameter that names it; Describe operations know none.

From the Service Authorization Reference.
"""
_MAKING = {"CreateTrustStore": "truststore", "CreateTargetGroup": "targetgroup", "CreateLoadBalancer": "loadbalancer"}
"""Operations whose resource is what they make, and its kind."""


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


def _role(response: Any) -> str:
    return str(response._get_param("RoleArn") or "*")  # noqa: SLF001


def _balancing(response: Any) -> str:
    action = str(response._get_action())  # noqa: SLF001
    if action == "AddTags":
        return str((response.params.get("ResourceArns") or ["*"])[0])
    if kind := _MAKING.get(action):
        if action == "CreateLoadBalancer":
            kind += "/net" if response._get_param("Type") == "network" else "/app"  # noqa: SLF001
        place = f"{get_partition(response.region)}:elasticloadbalancing:{response.region}:{response.current_account}"
        return f"arn:{place}:{kind}/{response._get_param('Name')}/0123456789abcdef"  # noqa: SLF001
    return str(response._get_param(_NAMING.get(action, "")) or "*")  # noqa: SLF001


def _of_cloudfront(response: Any) -> str:
    """The trust store or distribution that a call names: all but its listings know one."""
    if tagged := response._get_param("Resource"):  # noqa: SLF001
        return str(tagged)
    named = next(
        (
            str(value)
            for name in ("Identifier", "TrustStoreIdentifier", "Id")
            if (value := response._get_param(name))  # noqa: SLF001
        ),
        "",
    )
    what = "trust-store" if "TrustStore" in str(response._get_action()) else "distribution"  # noqa: SLF001
    place = f"arn:{get_partition(response.region)}:cloudfront::{response.current_account}"
    return f"{place}:{what}/{named}" if named else "*"


_ACTIONS = {"CreateDistributionWithTags": "CreateDistribution"}
"""Operations of CloudFront whose action has another name (its API reference)."""
BATCHES = {"sqs:DeleteMessageBatch": "sqs:DeleteMessage"}
"""What IAM asks for a batch: the permission of its single call (SQS API reference, AddPermission)."""
RESOURCES: dict[type, Callable[[Any], str]] = {
    SNSResponse: _topic,
    SimpleSystemManagerResponse: _parameter,
    SecretsManagerResponse: _secret,
    TokenResponse: _role,
    ELBV2Response: _balancing,
}


class Asked(NamedTuple):
    """What a policy has to allow for one call, as moto sees it: ``s3:GetObject`` on an ARN.

    ``role``: in whose name; empty for a user.
    """

    action: str
    resource: str
    role: str = ""


def _unsigned(response: Any, _resource: str = "*") -> None:
    """Ask the policies, and pass over the signature: moto calculates another one for these paths."""
    if settings.INITIAL_NO_AUTH_ACTION_COUNT:
        return
    action = str(response._get_action())  # noqa: SLF001
    request = _request(response, _ACTIONS.get(action, action))
    try:
        request.check_action_permitted(_of_cloudfront(response))
    except AccessDeniedError as denied:
        # CloudFront's protocol (REST-XML) has the error below the root; moto's is the query protocol's.
        denied.description = str(denied.description).replace("<Errors>", "").replace("</Errors>", "")
        raise


def _request(response: Any, action: str) -> IAMRequest:
    return IAMRequest(
        account_id=response.current_account,
        method=response.method,
        path=response.path,
        data=response.data,
        body=response.body,
        headers=response.headers,
        action=action,
    )


@contextmanager
def mended() -> Iterator[list[Asked]]:
    """Mend moto's enforcement for the length of the block; the list grows with every call that it judges."""
    asked: list[Asked] = []
    judge = caller_rights.within_session(IAMRequestBase.check_action_permitted)

    def check_action_permitted(request: Any, resource: str) -> None:
        request._action = BATCHES.get(request._action, request._action)  # noqa: SLF001
        caller_rights.serves(request)
        role = getattr(request._access_key, "_owner_role_name", "")  # noqa: SLF001 - moto keeps what it derived there
        asked.append(Asked(request._action, resource, role))  # noqa: SLF001
        judge(request, resource)
        named = str(request._headers.get("x-amz-server-side-encryption-aws-kms-key-id") or "")  # noqa: SLF001
        for action, key in encryption.asked_of_kms(request.account_id, request._action, resource, named):  # noqa: SLF001
            asked.append(Asked(action, key, role))
            with patch.object(request, "_action", action):
                judge(request, key)

    def let_pass(response: Any, _resource: str = "*") -> None:
        """Ask no policy, and know the caller all the same."""
        if settings.INITIAL_NO_AUTH_ACTION_COUNT == 0:
            caller_rights.serves(None)
            with suppress(InvalidClientTokenIdError):
                caller_rights.serves(_request(response, str(response._get_action())))  # noqa: SLF001

    usual: Any = s3_responses.S3Response._authenticate_and_authorize_s3_action  # noqa: SLF001

    def of_s3(response: Any, bucket_name: str | None = None, key_name: str | None = None) -> None:
        """Ask for the tags of an object too, as PutObject does where it sets them (S3 API reference)."""
        usual(response, bucket_name, key_name)
        if response.data.get("Action") == "PutObject" and response.headers.get("x-amz-tagging"):
            response.data["Action"] = "PutObjectTagging"
            usual(response, bucket_name, key_name)
            response.data["Action"] = "PutObject"

    with ExitStack() as patches:
        for kind, resource in RESOURCES.items():
            patches.enter_context(patched(kind, {"_determine_resource": resource}))
        for gateway in (APIGatewayResponse, ApiGatewayV2Response):
            patches.enter_context(patched(gateway, {"_authenticate_and_authorize_normal_action": let_pass}))
        patches.enter_context(patched(CloudFrontResponse, {"_authenticate_and_authorize_normal_action": _unsigned}))
        patches.enter_context(patched(s3_responses.S3Response, {"_authenticate_and_authorize_s3_action": of_s3}))
        # HeadBucket asks for ListBucket (S3 API reference); moto makes an action of its name that IAM does not have.
        patches.enter_context(patch.dict(s3_responses.ACTION_MAP["BUCKET"]["HEAD"], {"DEFAULT": "ListBucket"}))
        # GetPublicAccessBlock asks for an action of another name (Service Authorization Reference).
        seen = {"publicAccessBlock": "GetBucketPublicAccessBlock"}
        patches.enter_context(patch.dict(s3_responses.ACTION_MAP["BUCKET"]["GET"], seen))
        patches.enter_context(patched(IAMRequestBase, {"check_action_permitted": check_action_permitted}))
        yield asked
