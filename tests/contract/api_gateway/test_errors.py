"""What API Gateway's errors are reported as."""

import pytest

from local.aws.server import EmbeddedAws
from rotation_watcher.errors import BundleRejected, TargetBusy, TargetDenied, TargetError, TargetNotFound
from tests.support import pki
from tests.support.contract_targets import ContractTarget

OTHER = pki.root("B").pem.encode()

KINDS: list[tuple[str, int, type[TargetError]]] = [
    ("NotFoundException", 404, TargetNotFound),
    ("AccessDeniedException", 403, TargetDenied),
    ("UnauthorizedException", 401, TargetDenied),
    ("TooManyRequestsException", 429, TargetBusy),
    ("LimitExceededException", 429, TargetBusy),
    ("ThrottlingException", 400, TargetBusy),
    ("ServiceUnavailableException", 503, TargetError),
    ("InternalFailure", 500, TargetError),
]


@pytest.mark.parametrize(("code", "status", "kind"), KINDS)
def test_an_error_of_a_read_is_reported_as_what_it_is(
    code: str, status: int, kind: type[TargetError], kept_rest: ContractTarget, aws: EmbeddedAws
) -> None:
    for service in ("apigateway", "apigatewayv2"):
        aws.fail_next(service, "GetDomainName", code, status)
    with pytest.raises(TargetError, match=kept_rest.arn) as caught:
        kept_rest.read()

    assert type(caught.value) is kind


UPDATES: list[tuple[str, int, str, type[TargetError]]] = [
    *((code, status, "no words", kind) for code, status, kind in KINDS),
    ("ConflictException", 409, "The domain is being updated.", TargetBusy),
    ("BadRequestException", 400, "Cannot update a domain name while an update is in progress.", TargetBusy),
    ("BadRequestException", 400, "The domain name status is UPDATING.", TargetBusy),
    ("BadRequestException", 400, "The truststore object cannot be found: s3://b/k", TargetError),
    ("BadRequestException", 400, "Invalid truststore URI", TargetError),
    ("BadRequestException", 400, "The truststore object version does not exist.", TargetError),
    ("BadRequestException", 400, "The caller has no access to the truststore object.", TargetDenied),
    ("BadRequestException", 400, "You do not have permission to read the truststore.", TargetDenied),
    ("BadRequestException", 400, "The truststore is larger than allowed during security checks.", BundleRejected),
    ("BadRequestException", 400, "Invalid trust store content.", BundleRejected),
    ("BadRequestException", 400, "The ACM certificate does not match the domain.", TargetError),
]


@pytest.mark.parametrize("service", ["apigateway", "apigatewayv2"])
@pytest.mark.parametrize(("code", "status", "message", "kind"), UPDATES)
def test_an_error_of_an_update_is_reported_as_what_it_is_and_nothing_changes(
    service: str,
    code: str,
    status: int,
    message: str,
    kind: type[TargetError],
    aws: EmbeddedAws,
    initial: bytes,
    request: pytest.FixtureRequest,
) -> None:
    target: ContractTarget = request.getfixturevalue("kept_rest" if service == "apigateway" else "kept_hidden")
    version = target.put(OTHER)
    aws.fail_next(service, "UpdateDomainName", code, status, message=message)
    with pytest.raises(TargetError, match=f"cannot change {target.arn}: ") as caught:
        target.update(version)

    assert type(caught.value) is kind
    assert message in str(caught.value)
    assert aws.live_bundle(target.arn) == initial


@pytest.mark.parametrize("service", ["apigateway", "apigatewayv2"])
@pytest.mark.parametrize("action", ["PATCH", "AddCertificateToDomain", "RemoveCertificateFromDomain"])
def test_a_denied_update_names_the_action_and_the_resource_that_the_service_names(
    service: str, action: str, aws: EmbeddedAws, request: pytest.FixtureRequest
) -> None:
    """The service checks three actions and two resources for one call: its own words say which one is missing."""
    target: ContractTarget = request.getfixturevalue("kept_rest" if service == "apigateway" else "kept_hidden")
    said = (
        "User: arn:aws:sts::123456789012:assumed-role/PublishRole/publish is not authorized to perform:"
        f" apigateway:{action} on resource: arn:aws:apigateway:us-east-1::/domainnames because no identity-based"
        f" policy allows the apigateway:{action} action"
    )
    aws.fail_next(service, "UpdateDomainName", "AccessDeniedException", 403, message=said)
    with pytest.raises(TargetDenied, match=f"cannot change {target.arn}: ") as caught:
        target.update(target.put(OTHER))

    assert said in str(caught.value)


def test_a_truststore_larger_than_the_service_takes_is_rejected(kept_rest: ContractTarget, initial: bytes) -> None:
    version = kept_rest.put(OTHER * 1001)
    with pytest.raises(BundleRejected):
        kept_rest.update(version)

    assert kept_rest.read().bundle == initial
