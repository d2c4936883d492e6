"""What other people do: to an environment's targets behind the watcher's back, and with certificates of their own."""

import json
from datetime import timedelta

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256

from local.base_environment import BaseEnvironment
from local.environment import BUCKET, Environment
from local.genesys.issuing import Identity, issue, subject
from local.genesys.region import Region
from rotation_watcher import keys

_DAY = timedelta(days=1)
ELSEWHERE = "somebody/else.pem"
"""Where they put their bundles."""


def approval(one: Identity) -> str:
    """The approval that an operator writes for somebody under a root of their own."""
    covers = {"reasons": ["chain-untrusted", "name-mismatch"], "root": one.chain[-1].fingerprint(SHA256()).hex()}
    return json.dumps({"by": "Ada", "why": "case 4711", **covers})


def load(environment: Environment, pem: str) -> None:
    """Load another bundle into the trust store."""
    version = environment.put(ELSEWHERE, pem)
    environment.aws.client("elbv2").modify_trust_store(
        TrustStoreArn=environment.arn("alb"),
        CaCertificatesBundleS3Bucket=BUCKET,
        CaCertificatesBundleS3Key=ELSEWHERE,
        CaCertificatesBundleS3ObjectVersion=version,
    )


def point_rest(environment: Environment, pem: str) -> None:
    """Point the REST domain at another bundle. API Gateway takes one update in 30 seconds."""
    _patch_rest(
        environment, truststoreVersion=environment.put(ELSEWHERE, pem), truststoreUri=f"s3://{BUCKET}/{ELSEWHERE}"
    )


def turn_off_rest(environment: Environment) -> None:
    """Turn the REST domain's mutual TLS off."""
    _patch_rest(environment, truststoreUri="")


def _patch_rest(environment: Environment, **values: str) -> None:
    environment.aws.client("apigateway").update_domain_name(
        domainName="rest.example.com",
        patchOperations=[
            {"op": "replace", "path": f"/mutualTlsAuthentication/{name}", "value": value}
            for name, value in values.items()
        ],
    )
    environment.aws.settle()


def open_rest(environment: Environment) -> None:
    """Open the REST API's default endpoint."""
    rest = environment.aws.client("apigateway")
    opened = {"op": "replace", "path": "/disableExecuteApiEndpoint", "value": "false"}
    rest.update_rest_api(restApiId=rest.get_rest_apis()["items"][0]["id"], patchOperations=[opened])


def pass_through(environment: Environment) -> None:
    """Switch the listener to passthrough."""
    environment.aws.client("elbv2").modify_listener(
        ListenerArn=environment.listener.listener_arn, MutualAuthentication={"Mode": "passthrough"}
    )


def partner(region: Region, name: str = "Partner") -> Identity:
    """A leaf with the region's right name, under a root that nobody knows."""
    now, made = region.world.clock(), region.world.keys
    root_name = subject(f"{name} Root", organization="Partner")
    root = issue(None, root_name, made.rsa(f"{name}/root"), now - 30 * _DAY, now + 900 * _DAY, authority=True)
    return issue(root, region.client_name, made.rsa(f"{name}/leaf"), now - _DAY, now + 300 * _DAY)


def tell_of(region: Region, leaf: Identity, status: str = "Upcoming") -> str:
    """Let the API show a partner's leaf with its root, unlike of Genesys' own; the text."""
    told = region.entity(leaf, "Genesys", status)
    told["certificate"] = leaf.pem() + leaf.chain_pem()
    region.extra_entities.append(told)
    return str(told["certificate"])


def pinned(environment: BaseEnvironment, bundle: str = "genesys") -> set[str]:
    """The fingerprints of the leaves that a bundle's pins let in."""
    pins = msgspec.json.decode(environment.read(keys.pins(bundle)))["pins"]
    return {str(pin["certificate"]["fingerprint"]) for pin in pins}
