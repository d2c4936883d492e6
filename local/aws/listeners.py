"""Listeners with their mutual TLS mode, which moto's create and modify do not know."""

from collections.abc import Callable, Iterator
from typing import Any

from moto.core.responses import ActionResult
from moto.elbv2.exceptions import ELBClientError
from moto.elbv2.models import FakeListener, elbv2_backends
from moto.elbv2.responses import ELBV2Response

from local.aws import identity_filters

MODES = {"HTTPS": ("off", "passthrough", "verify"), "TLS": ("off", "verify")}
"""The modes of an ALB's listeners, and of an NLB's; no other protocol authenticates clients."""

type Handler = Callable[[ELBV2Response], ActionResult]


def operations(exists: Callable[[str, str, str], bool]) -> dict[str, Handler]:
    """Return create_listener and modify_listener with ``MutualAuthentication``, around moto's own.

    ``exists`` says whether (account, region, trust store ARN) names a trust store.
    """
    create, modify = ELBV2Response.create_listener, ELBV2Response.modify_listener
    make = ELBV2Response.create_load_balancer

    def create_listener(response: ELBV2Response) -> ActionResult:
        protocol = response.params.get("Protocol")
        wanted = _checked(response, protocol, exists)
        result = create(response)
        if protocol in MODES:
            _remember(result, wanted or {"Mode": "off"})
        return result

    def modify_listener(response: ELBV2Response) -> ActionResult:
        arn = response.params["ListenerArn"]
        listeners = {each.arn: each for each in every_listener(response.current_account, response.region)}
        protocol = response.params.get("Protocol") or (listeners[arn].protocol if arn in listeners else None)
        wanted = _checked(response, protocol, exists) if arn in listeners else None
        result = modify(response)
        if wanted is not None:
            _remember(result, wanted)
        return result

    def create_load_balancer(response: ELBV2Response) -> ActionResult:
        result = make(response)
        if response.params.get("Type") == "network":
            _as_network(response, result)
        return result

    return {
        "create_listener": create_listener,
        "modify_listener": modify_listener,
        "create_load_balancer": create_load_balancer,
    }


def _as_network(response: ELBV2Response, result: ActionResult) -> None:
    """Give a Network Load Balancer, and its tags, the ARN that it has at AWS; moto gives each the ARN of an ALB."""
    backend = elbv2_backends[response.current_account][response.region]
    balancers, tagging = backend.load_balancers, backend.tagging_service
    answer: Any = result.result
    for balancer in answer["LoadBalancers"]:
        del balancers[balancer.arn]
        tags = tagging.list_tags_for_resource(balancer.arn)["Tags"]
        tagging.delete_all_tags_for_resource(balancer.arn)
        balancer.arn = balancer.arn.replace(":loadbalancer/app/", ":loadbalancer/net/")
        balancers[balancer.arn] = balancer
        tagging.tag_resource(balancer.arn, tags)


def every_listener(account: str, region: str) -> Iterator[FakeListener]:
    """Yield the listeners of all load balancers of the account in the region."""
    for balancer in list(elbv2_backends[account][region].load_balancers.values()):
        yield from list(balancer.listeners.values())


def verifying(account: str, region: str, trust_store_arn: str) -> list[FakeListener]:
    """Return the listeners in verify mode that use the trust store."""
    return [each for each in every_listener(account, region) if _mode(each).get("TrustStoreArn") == trust_store_arn]


def _mode(listener: FakeListener) -> dict[str, Any]:
    return getattr(listener, "mutual_authentication", {})


def _remember(result: ActionResult, mode: dict[str, Any]) -> None:
    # moto's serialiser picks a listener's attributes by their snake_case names, so this is described back as it is.
    answer: Any = result.result
    for listener in answer["Listeners"]:
        listener.mutual_authentication = mode


def _checked(
    response: ELBV2Response, protocol: str | None, exists: Callable[[str, str, str], bool]
) -> dict[str, Any] | None:
    """Return the MutualAuthentication of the call as it is to be described, None where the call has none."""
    wanted: dict[str, Any] | None = response.params.get("MutualAuthentication")
    if wanted is None:
        return None
    mode, arn = wanted.get("Mode", "off"), wanted.get("TrustStoreArn")
    expiry = bool(wanted.get("IgnoreClientCertificateExpiry", False))
    if protocol not in MODES:
        raise ELBClientError(
            "InvalidConfigurationRequest", "Mutual authentication is only supported for HTTPS and TLS listeners."
        )
    modes = MODES[protocol]
    if mode not in modes:
        raise ELBClientError(
            "ValidationError", f"Mutual authentication mode '{mode}' must be one of {', '.join(modes)}."
        )
    filters = wanted.get("ClientCertificateIdentityFilters") or []
    if why := identity_filters.mistake(filters, protocol=protocol, mode=mode):
        raise ELBClientError("ValidationError", why)
    if mode != "verify":
        if arn or expiry:
            raise ELBClientError(
                "ValidationError", f"A trust store cannot be given in mutual authentication mode '{mode}'."
            )
        return {"Mode": mode}
    if not arn:
        raise ELBClientError(
            "ValidationError", "A trust store ARN must be given in mutual authentication mode 'verify'."
        )
    if not exists(response.current_account, response.region, arn):
        raise ELBClientError("TrustStoreNotFound", "The specified trust store does not exist.")
    names = wanted.get("AdvertiseTrustStoreCaNames", "off")
    return {
        "Mode": mode,
        "TrustStoreArn": arn,
        "IgnoreClientCertificateExpiry": expiry,
        "AdvertiseTrustStoreCaNames": names,
    } | ({"ClientCertificateIdentityFilters": filters} if protocol == "TLS" else {})
