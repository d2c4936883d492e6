"""Where IAM is enforced, a service reads what its caller may read, the key behind it included; sessions may do less."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.aws.other_place import assumed
from local.aws.server import EmbeddedAws
from local.genesys.clock import VirtualClock
from tests.support.certs import crl, self_signed_ca
from tests.support.embedded import START, Bundles

KEY = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
OBJECT = "arn:aws:s3:::bundles/sealed.pem"
ROOT = self_signed_ca()
SERVICES = {"Action": ["elasticloadbalancing:*", "cloudfront:*", "apigateway:*"], "Resource": "*"}
READS = {"Action": ["s3:GetObject", "s3:GetObjectVersion"], "Resource": OBJECT}
DECRYPTS = {"Action": "kms:Decrypt", "Resource": KEY}
TRUST = {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}}


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **one} for one in statements]})


class There:
    """A trust store of each kind, a domain, and an object under a key in the place that is to be loaded from."""

    def __init__(self, aws: EmbeddedAws) -> None:
        self.aws, self.bundles = aws, Bundles(aws)
        self.store = self.bundles.trust_store(ROOT.pem)
        plain = {"Bucket": "bundles", "Key": "bundle.pem", "Region": aws.region}
        self.edge = aws.client("cloudfront").create_trust_store(Name="edge", CaCertificatesBundleSource=_from(plain))
        aws.client("apigateway").create_domain_name(
            domainName="a.example.com",
            regionalCertificateArn=aws.certificate(),
            endpointConfiguration={"types": ["REGIONAL"]},
            mutualTlsAuthentication={"truststoreUri": "s3://bundles/bundle.pem"},
        )
        aws.settle()
        self.listed = self.put(crl(ROOT, [1]))
        self.version = self.put(self_signed_ca().pem)

    def put(self, content: bytes) -> str:
        sealed = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": KEY}
        s3 = self.aws.client("s3")
        return str(s3.put_object(Bucket="bundles", Key="sealed.pem", Body=content, **sealed)["VersionId"])

    def caller(self, granted: str, session: str = "") -> Callable[[str], Any]:
        """Makes clients of a role with a policy, perhaps in a session with another."""
        iam = self.aws.client("iam")
        iam.create_role(RoleName="caller", AssumeRolePolicyDocument=json.dumps(TRUST))
        iam.put_role_policy(RoleName="caller", PolicyName="it", PolicyDocument=granted)
        keys = assumed(self.aws, f"arn:aws:iam::{self.aws.account}:role/caller", session)
        make: Any = boto3.session.Session(*keys).client
        config = Config(retries={"total_max_attempts": 1}, proxies={})
        return lambda service: make(service, region_name=self.aws.region, endpoint_url=self.aws.url, config=config)


def _from(place: dict[str, str]) -> dict[str, Any]:
    return {"CaCertificatesBundleS3Location": place}


def modify(there: There, client: Callable[[str], Any]) -> None:
    client("elbv2").modify_trust_store(TrustStoreArn=there.store, **there.bundles.place(there.version, "sealed.pem"))


def newest(there: There, client: Callable[[str], Any]) -> None:
    client("elbv2").modify_trust_store(TrustStoreArn=there.store, **there.bundles.place(None, "sealed.pem"))


def revoke(there: There, client: Callable[[str], Any]) -> None:
    place = {"S3Bucket": "bundles", "S3Key": "sealed.pem", "S3ObjectVersion": there.listed}
    client("elbv2").add_trust_store_revocations(TrustStoreArn=there.store, RevocationContents=[place])


def update_edge(there: There, client: Callable[[str], Any]) -> None:
    place = {"Bucket": "bundles", "Key": "sealed.pem", "Region": there.aws.region, "Version": there.version}
    identity, etag = there.edge["TrustStore"]["Id"], there.edge["ETag"]
    client("cloudfront").update_trust_store(Id=identity, IfMatch=etag, CaCertificatesBundleSource=_from(place))


def update_domain(there: There, client: Callable[[str], Any]) -> None:
    values = {"truststoreUri": "s3://bundles/sealed.pem", "truststoreVersion": there.version}
    patches = [
        {"op": "replace", "path": f"/mutualTlsAuthentication/{name}", "value": value} for name, value in values.items()
    ]
    client("apigateway").update_domain_name(domainName="a.example.com", patchOperations=patches)


LOADS = {
    modify: "CaCertificatesBundleNotFound",
    newest: "CaCertificatesBundleNotFound",
    revoke: "RevocationContentNotFound",
    update_edge: "InvalidArgument",
    update_domain: "BadRequestException",
}
"""What lets a service read, and what it says of what its caller may not read: as of what is not there."""


@pytest.fixture
def there() -> Iterator[There]:
    with EmbeddedAws(VirtualClock(START), direct=True, update_interval=timedelta(0)) as aws:
        yield There(aws)


@pytest.mark.parametrize("load", LOADS, ids=lambda load: load.__name__)
def test_a_service_reads_what_its_caller_may_read_and_decrypt(load: Callable[..., None], there: There) -> None:
    client = there.caller(policy(SERVICES, READS, DECRYPTS))
    with there.aws.enforced_iam() as asked:
        load(there, client)
    action = "s3:GetObject" if load is newest else "s3:GetObjectVersion"
    assert [(one.action, one.resource, one.role) for one in asked][-2:] == [
        (action, OBJECT, "caller"),
        ("kms:Decrypt", KEY, "caller"),
    ]


@pytest.mark.parametrize("granted", [policy(SERVICES, READS), policy(SERVICES, DECRYPTS)], ids=["no key", "no object"])
@pytest.mark.parametrize("load", LOADS, ids=lambda load: load.__name__)
def test_what_its_caller_may_not_read_is_not_there_for_it(
    load: Callable[..., None], granted: str, there: There
) -> None:
    client = there.caller(granted)
    with there.aws.enforced_iam(), pytest.raises(ClientError) as refused:
        load(there, client)
    assert refused.value.response["Error"]["Code"] == LOADS[load]
    load(there, client)


@pytest.mark.parametrize("load", LOADS, ids=lambda load: load.__name__)
def test_a_session_may_do_what_its_role_and_its_own_policy_allow(load: Callable[..., None], there: There) -> None:
    denied = {"Effect": "Deny", **DECRYPTS}
    session = policy({"Action": "*", "Resource": "*"}, denied)
    client = there.caller(policy(SERVICES, READS, DECRYPTS), session)
    with there.aws.enforced_iam(), pytest.raises(ClientError) as refused:
        load(there, client)
    assert refused.value.response["Error"]["Code"] == LOADS[load]


def test_a_session_may_not_do_what_its_own_policy_does_not_name(there: There) -> None:
    client = there.caller(policy(SERVICES), policy({"Action": "elasticloadbalancing:Describe*", "Resource": "*"}))
    elb = client("elbv2")
    with there.aws.enforced_iam():
        assert elb.describe_trust_stores()["TrustStores"]
        with pytest.raises(ClientError) as refused:
            elb.delete_trust_store(TrustStoreArn=there.store)
    assert refused.value.response["Error"]["Code"] == "AccessDenied"


def test_who_writes_under_a_key_must_be_allowed_to_use_it(there: There) -> None:
    writes = {"Action": "s3:PutObject", "Resource": OBJECT}
    sealed = {"Bucket": "bundles", "Key": "sealed.pem", "Body": b"x", "ServerSideEncryption": "aws:kms"}
    s3 = there.caller(policy(writes))("s3")
    with there.aws.enforced_iam(), pytest.raises(ClientError) as refused:
        s3.put_object(**sealed, SSEKMSKeyId=KEY)
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    there.aws.client("iam").put_role_policy(
        RoleName="caller",
        PolicyName="it",
        PolicyDocument=policy(writes, {"Action": "kms:GenerateDataKey", "Resource": KEY}),
    )
    with there.aws.enforced_iam():
        assert s3.put_object(**sealed, SSEKMSKeyId=KEY)["SSEKMSKeyId"] == KEY
