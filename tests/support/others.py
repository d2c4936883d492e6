"""What other people do: to a stage's targets behind the watcher's back, and with certificates of their own."""

import json
from datetime import timedelta

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256

from local.genesys.issuing import Identity, issue, subject
from local.genesys.region import Region
from local.stage import BUCKET, Stage
from rotation_watcher import keys

_DAY = timedelta(days=1)
ELSEWHERE = "somebody/else.pem"
"""Where they put their bundles."""


def approval(one: Identity) -> str:
    """The approval that an operator writes for somebody under a root of their own."""
    covers = {"reasons": ["chain-untrusted", "name-mismatch"], "root": one.chain[-1].fingerprint(SHA256()).hex()}
    return json.dumps({"by": "Ada", "why": "case 4711", **covers})


def load(stage: Stage, pem: str) -> None:
    """Load another bundle into the trust store."""
    version = stage.put(ELSEWHERE, pem)
    stage.aws.client("elbv2").modify_trust_store(
        TrustStoreArn=stage.arn("alb"),
        CaCertificatesBundleS3Bucket=BUCKET,
        CaCertificatesBundleS3Key=ELSEWHERE,
        CaCertificatesBundleS3ObjectVersion=version,
    )


def point_rest(stage: Stage, pem: str) -> None:
    """Point the REST domain at another bundle. API Gateway takes one update in 30 seconds."""
    _patch_rest(stage, truststoreVersion=stage.put(ELSEWHERE, pem), truststoreUri=f"s3://{BUCKET}/{ELSEWHERE}")


def turn_off_rest(stage: Stage) -> None:
    """Turn the REST domain's mutual TLS off."""
    _patch_rest(stage, truststoreUri="")


def _patch_rest(stage: Stage, **values: str) -> None:
    stage.aws.client("apigateway").update_domain_name(
        domainName="rest.example.com",
        patchOperations=[
            {"op": "replace", "path": f"/mutualTlsAuthentication/{name}", "value": value}
            for name, value in values.items()
        ],
    )
    stage.aws.settle()


def open_rest(stage: Stage) -> None:
    """Open the REST API's default endpoint."""
    rest = stage.aws.client("apigateway")
    opened = {"op": "replace", "path": "/disableExecuteApiEndpoint", "value": "false"}
    rest.update_rest_api(restApiId=rest.get_rest_apis()["items"][0]["id"], patchOperations=[opened])


def pass_through(stage: Stage) -> None:
    """Switch the listener to passthrough."""
    stage.aws.client("elbv2").modify_listener(
        ListenerArn=stage.listener.listener_arn, MutualAuthentication={"Mode": "passthrough"}
    )


def partner(region: Region, name: str = "Partner") -> Identity:
    """A leaf with the region's right name, under a root that nobody knows."""
    now, made = region.world.clock(), region.world.keys
    root_name = subject(f"{name} Root", organization="Partner")
    root = issue(None, root_name, made.rsa(f"{name}/root"), now - 30 * _DAY, now + 900 * _DAY, authority=True)
    return issue(root, region.client_name, made.rsa(f"{name}/leaf"), now - _DAY, now + 300 * _DAY)


def tell_of(region: Region, leaf: Identity, status: str = "Upcoming") -> str:
    """Let the API tell of a partner's leaf with its root, unlike of Genesys' own; the text."""
    told = region.entity(leaf, "Genesys", status)
    told["certificate"] = leaf.pem() + leaf.chain_pem()
    region.extra_entities.append(told)
    return str(told["certificate"])


def pinned(stage: Stage, bundle: str = "genesys") -> set[str]:
    """The fingerprints of the leaves that a bundle's pins let in."""
    pins = msgspec.json.decode(stage.read(keys.pins(bundle)))["pins"]
    return {str(pin["certificate"]["fingerprint"]) for pin in pins}
