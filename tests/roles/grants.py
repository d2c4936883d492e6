"""A role's policies taken apart into single grants, and put together again without one of them."""

import json
from collections.abc import Mapping
from typing import NamedTuple

from tests.stack.template import as_list
from tests.support.roles import Resolver

OF_TYPE: Mapping[str, str | tuple[str, ...]] = {
    "elasticloadbalancing:ModifyTrustStore": "truststore/",
    "elasticloadbalancing:GetTrustStoreCaCertificatesBundle": "truststore/",
    "elasticloadbalancing:ModifyListener": "listener/",
    "elasticloadbalancing:AddTags": ("truststore/", "listener/"),
    "elasticloadbalancing:AddTrustStoreRevocations": "truststore/",
    "elasticloadbalancing:RemoveTrustStoreRevocations": "truststore/",
    "elasticloadbalancing:GetTrustStoreRevocationContent": "truststore/",
    "cloudfront:GetDistributionConfig": "distribution/",
}
"""How the resources begin that these actions know; an ARN of another type in the same list matches nothing."""


def touches(action: str, resource: str) -> bool:
    """Whether an action can do anything with the resource of that ARN: it is of its service, and of its type."""
    if resource == "*":
        return True
    parts, service = resource.split(":", 5), action.partition(":")[0]
    return parts[2] == {"sts": "iam"}.get(service, service) and parts[-1].startswith(OF_TYPE.get(action, ""))


class Grant(NamedTuple):
    """One action on one resource, allowed to a role."""

    role: str
    sid: str
    action: str
    resource: str

    @property
    def service(self) -> str:
        return self.action.partition(":")[0]


def grants(resolver: Resolver, role: str) -> list[Grant]:
    """Every pair of action and resource that the template allows a role, without the pairs that match nothing."""
    return [
        Grant(role, statement["Sid"], action, resource)
        for document in resolver.policies(role).values()
        for statement in document["Statement"]
        if statement["Effect"] == "Allow"
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
        if touches(action, resource)
    ]


def documents(resolver: Resolver, role: str, without: Grant | None = None) -> dict[str, str]:
    """The role's policies as JSON by name, one statement for each pair of action and resource but ``without``."""
    found = {}
    for name, document in resolver.policies(role).items():
        apart = [
            {key: value for key, value in statement.items() if key != "Sid"} | {"Action": action, "Resource": resource}
            for statement in document["Statement"]
            for action in as_list(statement["Action"])
            for resource in as_list(statement["Resource"])
            if Grant(role, statement["Sid"], action, resource) != without
        ]
        found[name] = json.dumps({"Version": "2012-10-17", "Statement": apart})
    return found
