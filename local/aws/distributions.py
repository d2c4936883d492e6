"""Make a CloudFront distribution that verifies viewers with a trust store, and change it as an operator would."""

from typing import Any

ORIGIN = "origin"


def make_distribution(client: Any, name: str, trust_store: str) -> str:
    """Create one; its id. Only what AWS requires of a distribution is set, and viewer mTLS."""
    config = {
        "CallerReference": name,
        "Comment": name,
        "Enabled": True,
        "Origins": {
            "Quantity": 1,
            "Items": [
                {
                    "Id": ORIGIN,
                    "DomainName": "backend.example.com",
                    "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"},
                }
            ],
        },
        "DefaultCacheBehavior": {
            "TargetOriginId": ORIGIN,
            "ViewerProtocolPolicy": "https-only",
            "ForwardedValues": {"QueryString": False, "Cookies": {"Forward": "none"}},
        },
        "ViewerMtlsConfig": {"Mode": "required", "TrustStoreConfig": {"TrustStoreId": trust_store}},
    }
    return str(client.create_distribution(DistributionConfig=config)["Distribution"]["Id"])


def set_mode(client: Any, distribution: str, mutual: dict[str, Any]) -> None:
    """Give it another viewer mTLS configuration."""
    _change(client, distribution, {"ViewerMtlsConfig": mutual})


def set_enabled(client: Any, distribution: str, *, enabled: bool) -> None:
    """Enable or disable it."""
    _change(client, distribution, {"Enabled": enabled})


def _change(client: Any, distribution: str, change: dict[str, Any]) -> None:
    answer = client.get_distribution_config(Id=distribution)
    client.update_distribution(
        Id=distribution, IfMatch=answer["ETag"], DistributionConfig=answer["DistributionConfig"] | change
    )
