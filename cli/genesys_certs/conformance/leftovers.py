"""Find what runs have made, by their tag, and remove it: at the end of a run, and after one that was interrupted.

Nothing is removed but what a run has just made, and what bears the tag. Each kind is looked for in the service's own
listing: the service of tags shows a new thing later.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from genesys_certs.conformance.workshop import PREFIX, TAG, Made, Services
from rotation_watcher.adapters.aws_errors import NO_ANSWER, code

TRIES, PAUSE = 30, 5.0
"""How often a removal is tried that has to wait for another one, and the seconds between."""
LOST = 12
"""How often a listing is tried again where there is no connection."""
DEPLOYMENT = 1800.0
"""How long, in seconds, a distribution may take until every edge knows that it is disabled."""
_AT_ONCE = 20
"""How many resources Elastic Load Balancing describes the tags of in one call."""
_GONE = {
    *("NoSuchBucket", "NotFoundException", "EntityNotFound", "NoSuchDistribution", "NoSuchTagSet"),
    *("TrustStoreNotFound", "ListenerNotFound", "LoadBalancerNotFound", "TargetGroupNotFound"),
}
_WAITS = {
    *("TrustStoreInUse", "ResourceInUse", "CannotDeleteEntityWhileInUse", "BucketNotEmpty", "OperationAborted"),
    *("TooManyRequestsException", "ConflictException", "PreconditionFailed", "Throttling", "DistributionNotDisabled"),
}


class Kind(NamedTuple):
    """``find`` gives ids with their run; ``remove`` takes an id."""

    name: str
    find: Callable[[Services], Iterator[tuple[str, str]]]
    remove: Callable[[Services, str], object]


def find(services: Services, kinds: Sequence[str], run: str | None = None) -> list[Made]:
    """What there is of these kinds, of one run or of all, in the order in which it can be removed."""
    return [
        Made(kind.name, identity, owner)
        for kind in KINDS
        if kind.name in kinds
        for identity, owner in kind.find(services)
        if run in {None, owner}
    ]


def looked(services: Services, kind: str, run: str | None = None) -> list[Made]:
    """As ``find``, for one kind, and with patience where there is no connection."""
    for _ in range(LOST):
        try:
            return find(services, (kind,), run)
        except NO_ANSWER:
            services.wait(PAUSE)
    return find(services, (kind,), run)


def remove(services: Services, left: Made) -> None:
    """Remove it; one that is gone already is none. Raises ClientError where it cannot be removed in time."""
    (kind,) = (one for one in KINDS if one.name == left.kind)
    for last in [*[False] * (TRIES - 1), True]:
        try:
            kind.remove(services, left.id)
        except ClientError as error:
            why = code(error)
            if why in _GONE:
                return
            if last or why not in _WAITS:
                raise
            services.wait(PAUSE)
        except NO_ANSWER:
            if last:
                raise
            services.wait(PAUSE)
        else:
            return


def _buckets(services: Services) -> Iterator[tuple[str, str]]:
    s3 = services.client("s3", None)
    pages = s3.get_paginator("list_buckets").paginate(Prefix=PREFIX)
    for name in [str(one["Name"]) for page in pages for one in page.get("Buckets", [])]:
        try:
            tags = s3.get_bucket_tagging(Bucket=name)["TagSet"]
        except ClientError as error:
            if code(error) in _GONE:
                continue
            raise
        yield from _owned(name, tags) if name.startswith(PREFIX) else ()


def _remove_bucket(services: Services, name: str) -> None:
    s3 = services.client("s3", None)
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
        for one in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
            s3.delete_object(Bucket=name, Key=one["Key"], VersionId=one["VersionId"])
    s3.delete_bucket(Bucket=name)


def _of_elb(listing: str, member: str, name: str, identity: str) -> Callable[[Services], Iterator[tuple[str, str]]]:
    """The finder of a kind of Elastic Load Balancing."""

    def found(services: Services) -> Iterator[tuple[str, str]]:
        elb = services.client("elbv2", None)
        pages = elb.get_paginator(listing).paginate()
        those = [one for page in pages for one in page.get(member, []) if str(one[name]).startswith(PREFIX)]
        yield from _tagged(elb, [str(one[identity]) for one in those])

    return found


def _listeners(services: Services) -> Iterator[tuple[str, str]]:
    elb = services.client("elbv2", None)
    pages = elb.get_paginator("describe_load_balancers").paginate()
    found = [one for page in pages for one in page["LoadBalancers"]]
    balancers = [one["LoadBalancerArn"] for one in found if one["Type"] in {"network", "application"}]
    arns: list[str] = []
    for arn in balancers:
        try:
            pages = elb.get_paginator("describe_listeners").paginate(LoadBalancerArn=arn)
            arns += [str(one["ListenerArn"]) for page in pages for one in page["Listeners"]]
        except ClientError as error:
            if code(error) not in _GONE:
                raise
    yield from _tagged(elb, arns)


def _tagged(elb: Any, arns: Sequence[str]) -> Iterator[tuple[str, str]]:
    for start in range(0, len(arns), _AT_ONCE):
        for one in elb.describe_tags(ResourceArns=arns[start : start + _AT_ONCE])["TagDescriptions"]:
            yield from _owned(str(one["ResourceArn"]), one["Tags"])


def _domains(services: Services) -> Iterator[tuple[str, str]]:
    """Those of both APIs, since it is not known that one shows what the other made."""
    found: dict[str, str] = {}
    for service, listed, name, tags in (
        ("apigateway", "items", "domainName", "tags"),
        ("apigatewayv2", "Items", "DomainName", "Tags"),
    ):
        pages = services.client(service, None).get_paginator("get_domain_names").paginate()
        for one in (each for page in pages for each in page.get(listed, [])):
            if run := (one.get(tags) or {}).get(TAG):
                found[str(one[name])] = str(run)
    yield from found.items()


def _apis(services: Services) -> Iterator[tuple[str, str]]:
    pages = services.client("apigateway", None).get_paginator("get_rest_apis").paginate()
    for one in (each for page in pages for each in page.get("items", [])):
        if str(one["name"]).startswith(PREFIX) and (run := (one.get("tags") or {}).get(TAG)):
            yield str(one["id"]), str(run)


def _remove_api(services: Services, identity: str) -> object:
    return services.client("apigateway", None).delete_rest_api(restApiId=identity)


def _remove_domain(services: Services, name: str) -> None:
    try:
        services.client("apigateway", None).delete_domain_name(domainName=name)
    except ClientError as error:
        if code(error) not in _GONE:
            raise
        services.client("apigatewayv2", None).delete_domain_name(DomainName=name)


def _at_cloudfront(services: Services) -> Iterator[tuple[str, str]]:
    cloudfront = services.client("cloudfront", None)
    pages = cloudfront.get_paginator("list_trust_stores").paginate()
    for one in [each for page in pages for each in page.get("TrustStoreList", [])]:
        if str(one["Name"]).startswith(PREFIX):
            tags = cloudfront.list_tags_for_resource(Resource=one["Arn"])["Tags"].get("Items", [])
            yield from _owned(str(one["Id"]), tags)


def _remove_at_cloudfront(services: Services, identity: str) -> None:
    cloudfront = services.client("cloudfront", None)
    etag = cloudfront.get_trust_store(Identifier=identity)["ETag"]
    cloudfront.delete_trust_store(Id=identity, IfMatch=etag)


def _distributions(services: Services) -> Iterator[tuple[str, str]]:
    cloudfront = services.client("cloudfront", None)
    pages = cloudfront.get_paginator("list_distributions").paginate()
    for one in [each for page in pages for each in page["DistributionList"].get("Items", [])]:
        if str(one["Comment"]).startswith(PREFIX):
            tags = cloudfront.list_tags_for_resource(Resource=one["ARN"])["Tags"].get("Items", [])
            yield from _owned(str(one["Id"]), tags)


def _remove_distribution(services: Services, identity: str) -> None:
    """Disable it, wait until every edge knows, and delete it. Each part that is done already is left out."""
    cloudfront = services.client("cloudfront", None)
    answer = cloudfront.get_distribution(Id=identity)
    config = answer["Distribution"]["DistributionConfig"]
    if config["Enabled"]:
        cloudfront.update_distribution(
            Id=identity, IfMatch=answer["ETag"], DistributionConfig=config | {"Enabled": False}
        )
        answer = cloudfront.get_distribution(Id=identity)
    begun = services.timer()
    while answer["Distribution"]["Status"] != "Deployed" and services.timer() - begun < DEPLOYMENT:
        services.wait(PAUSE)
        answer = cloudfront.get_distribution(Id=identity)
    cloudfront.delete_distribution(Id=identity, IfMatch=answer["ETag"])


def _owned(identity: str, tags: Sequence[Any]) -> Iterator[tuple[str, str]]:
    """The thing, if a run made it."""
    for tag in tags:
        if tag.get("Key") == TAG and tag.get("Value"):
            yield identity, str(tag["Value"])


def _elb(operation: str, parameter: str) -> Callable[[Services, str], object]:
    def removed(services: Services, arn: str) -> object:
        return getattr(services.client("elbv2", None), operation)(**{parameter: arn})

    return removed


KINDS = (
    Kind("listener", _listeners, _elb("delete_listener", "ListenerArn")),
    Kind(
        "load balancer",
        _of_elb("describe_load_balancers", "LoadBalancers", "LoadBalancerName", "LoadBalancerArn"),
        _elb("delete_load_balancer", "LoadBalancerArn"),
    ),
    Kind(
        "target group",
        _of_elb("describe_target_groups", "TargetGroups", "TargetGroupName", "TargetGroupArn"),
        _elb("delete_target_group", "TargetGroupArn"),
    ),
    Kind(
        "trust store",
        _of_elb("describe_trust_stores", "TrustStores", "Name", "TrustStoreArn"),
        _elb("delete_trust_store", "TrustStoreArn"),
    ),
    Kind("custom domain", _domains, _remove_domain),
    Kind("REST API", _apis, _remove_api),
    Kind("distribution", _distributions, _remove_distribution),
    Kind("CloudFront trust store", _at_cloudfront, _remove_at_cloudfront),
    Kind("bucket", _buckets, _remove_bucket),
)
"""In the order in which they can be removed: what uses another thing goes before it."""
