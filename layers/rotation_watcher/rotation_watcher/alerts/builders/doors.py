"""The alert about a way in that asks for no client certificate, or that this trust store does not decide."""

import json
from collections.abc import Mapping
from datetime import datetime

from rotation_watcher.alerts.builders.subjects import Words, about_target
from rotation_watcher.alerts.builders.target_commands import at, look, who_changed
from rotation_watcher.alerts.builders.templates import Template, command
from rotation_watcher.alerts.builders.wording import plain, sentence, stamp, when
from rotation_watcher.alerts.model import Alert, Kind, Severity, TargetName
from rotation_watcher.kinds import Door, DoorKind

_TITLES: Mapping[DoorKind, str] = {
    DoorKind.OTHER_STORE: "a listener verifies with another trust store",
    DoorKind.UNSHARED: "a listener has lost its trust store",
    DoorKind.OTHER_DISTRIBUTION: "a distribution verifies with another trust store",
    DoorKind.UNREAD: "whether clients get in without a certificate is not known",
}
_OPEN = "clients get in without a certificate"
_MEANS: Mapping[DoorKind, str] = {
    DoorKind.OTHER_STORE: "Whoever that trust store admits gets in there; this target has no say in it.",
    DoorKind.UNSHARED: "Its handshakes fail: no client gets in there, and data actions through it fail.",
    DoorKind.OTHER_DISTRIBUTION: "Whoever that trust store admits gets in there; this target has no say in it.",
    DoorKind.UNREAD: (
        "An open default endpoint lets in whoever knows its address, without a client certificate. Data actions go on"
        " working, so nobody else may notice."
    ),
}
_SHUTS_OUT = "Whoever comes there without a certificate today is shut out then, so the watcher does not do it for you."
_CLOSES = "Whoever comes by that address today is shut out then, so the watcher does not do it for you."
_DO: Mapping[DoorKind, str] = {
    DoorKind.LISTENER: (
        "Look at the listener (first command), see who changed it (second, CloudTrail), and have it verify with this"
        f" trust store (last command). {_SHUTS_OUT}"
    ),
    DoorKind.LISTENER_TARGET: (
        "Look at the listener (first command), see who changed it (second, CloudTrail), and have it verify (last"
        f" command, with the ARN of its trust store). {_SHUTS_OUT}"
    ),
    DoorKind.OTHER_STORE: (
        "If that was meant, name the other trust store as a target. If not: look at the listener (first command), see"
        " who changed it (second, CloudTrail), and give it this trust store (last command)."
    ),
    DoorKind.UNSHARED: (
        "Have the account that owns the trust store share it again (AWS Resource Access Manager). This shows what the"
        " listener has:"
    ),
    DoorKind.NOT_TLS: (
        "Make it a TLS listener with mutual TLS, or name the right listener as the target. This shows what it is:"
    ),
    DoorKind.DOMAIN: (
        "Look at the domain (first command), see who changed it (second, CloudTrail), and give it its truststore (last"
        f" command). {_SHUTS_OUT}"
    ),
    DoorKind.REST_API: (
        "Look at the API (first command), close its default endpoint (second command), and deploy its stage anew (third"
        f" command), or the change does not take effect. {_CLOSES}"
    ),
    DoorKind.HTTP_API: (
        "Look at the API (first command), close its default endpoint (second command), and deploy its stage (third"
        " command) unless it deploys by itself."
        f" {_CLOSES}"
    ),
    DoorKind.DISTRIBUTION: (
        "Look at the distribution (first command), see who changed it (second, CloudTrail), and have it require client"
        f" certificates of this trust store (last command; it takes minutes to reach every edge). {_SHUTS_OUT}"
    ),
    DoorKind.OTHER_DISTRIBUTION: (
        "If that was meant, name the other trust store as a target. If not: look at the distribution (first command),"
        " see who changed it (second, CloudTrail), and give it this trust store (last command)."
    ),
    DoorKind.UNREAD: (
        "Deploy the template of the newest release: it grants the action that is named here. If it is denied all the"
        " same, a policy of your organisation forbids it. This shows whether it can be read now:"
    ),
}
_HEALS = (
    "Nothing: the watcher is turning mutual TLS on again, with the truststore that it proved last; if it cannot, a"
    " message of its own says so. This lists who turned it off (CloudTrail):"
)


def mtls_off(
    *,
    target: TargetName,
    endpoint: str | None,
    detail: str,
    door: Door,
    truststore: str,
    version: str | None,
    bucket: str | None = None,
    will_heal: bool,
    since: datetime,
    now: datetime,
) -> Alert:
    """Clients come in without being asked for a certificate, or are asked for one that is not this target's affair.

    ``endpoint`` None: it is the target itself. ``truststore`` is the key of the object that the target has to load,
    ``version`` its version (None: the newest), ``bucket`` its bucket (None: the stack's).
    """
    reached = plain(endpoint) if endpoint else target.label
    means = _MEANS.get(
        door.kind,
        f"Whoever reaches {reached} comes through to the backend without a client certificate. Data actions go on"
        " working, so nobody else may notice.",
    )
    words = Words(
        title=_TITLES.get(door.kind, _OPEN),
        happened=sentence(detail, 400),
        means=means,
        do=_HEALS if will_heal else _DO[door.kind],
        commands=(_who(target.arn, door.kind),) if will_heal else _commands(target, door, truststore, version, bucket),
    )
    facts = ({"endpoint": plain(endpoint)} if endpoint else {}) | {"since": when(since)}
    distinction = f"{plain(endpoint or 'domain')}:{stamp(since)}"
    return about_target(Kind.MTLS_OFF, Severity.CRITICAL, target, distinction, words, facts, now)


def _commands(
    target: TargetName, door: Door, truststore: str, version: str | None, bucket: str | None
) -> tuple[Template, ...]:
    """What to type: look, who did it, change."""
    match door.kind:
        case DoorKind.UNREAD:
            return (look(target),)
        case DoorKind.UNSHARED | DoorKind.NOT_TLS:
            return (_listener(door.id),)
        case DoorKind.DOMAIN:
            load = _truststore(door.id, target.arn, truststore, version, bucket)
            return (_domain(door.id, target.arn), _who(target.arn, door.kind), load)
        case DoorKind.REST_API | DoorKind.HTTP_API:
            return (_rest_api if door.kind is DoorKind.REST_API else _http_api)(door, at(target.arn))
        case DoorKind.DISTRIBUTION | DoorKind.OTHER_DISTRIBUTION:
            return (_distribution(door.id), who_changed(door.id, "UpdateDistribution"), _require(door.id, target.arn))
        case _:
            store = "TRUST_STORE_ARN" if door.kind is DoorKind.LISTENER_TARGET else target.arn
            return (_listener(door.id), _who(door.id, door.kind), _verify(door.id, store))


def _who(arn: str, kind: DoorKind) -> Template:
    return who_changed(arn, "UpdateDomainName" if kind is DoorKind.DOMAIN else "ModifyListener")


def _listener(arn: str) -> Template:
    return command(
        "aws elbv2 describe-listeners --listener-arns {arn} --region {region}"
        " --query 'Listeners[].[Protocol,Port,MutualAuthentication]' --output json",
        **at(arn),
        arn=arn,
    )


def _verify(arn: str, store: str) -> Template:
    return command(
        "aws elbv2 modify-listener --listener-arn {arn} --mutual-authentication {mode} --region {region}",
        **at(arn),
        arn=arn,
        mode=f"Mode=verify,TrustStoreArn={store}",
    )


def _distribution(arn: str) -> Template:
    return command(
        "aws cloudfront get-distribution-config --id {id} --query '[ETag,DistributionConfig.ViewerMtlsConfig]'"
        " --output json",
        id=arn.rpartition("/")[2],
    )


def _require(arn: str, store: str) -> Template:
    """Writes the configuration with this member changed, unless another has come after the ETag that is read first."""
    mutual = json.dumps({"Mode": "required", "TrustStoreConfig": {"TrustStoreId": store.rpartition("/")[2]}})
    return command(
        "aws cloudfront update-distribution --id {id} --query Distribution.Status"
        ' --if-match "$(aws cloudfront get-distribution-config --id {id} --query ETag --output text)"'
        ' --distribution-config "$(aws cloudfront get-distribution-config --id {id} --query DistributionConfig'
        " --output json | jq --argjson mutual {mutual}"
        " '.ViewerMtlsConfig = ((.ViewerMtlsConfig // {{}}) * $mutual)')\"",
        id=arn.rpartition("/")[2],
        mutual=mutual,
    )


def _domain(name: str, arn: str) -> Template:
    return command(
        "aws apigateway get-domain-name --domain-name {name} --region {region}"
        " --query '[domainNameStatus,mutualTlsAuthentication]' --output json",
        **at(arn),
        name=name,
    )


def _truststore(name: str, arn: str, key: str, version: str | None, bucket: str | None) -> Template:
    path = "op=replace,path=/mutualTlsAuthentication"
    pinned = f" {path}/truststoreVersion,value={{version}}" if version else ""
    return command(
        f"aws apigateway update-domain-name --domain-name {{name}} --region {{region}} --patch-operations"
        f" {path}/truststoreUri,value=s3://{{bucket}}/{{key}}{pinned}",
        **at(arn),
        **({"bucket": bucket} if bucket else {}),
        name=name,
        key=key,
        version=version or "",
    )


def _rest_api(door: Door, where: Mapping[str, str]) -> tuple[Template, ...]:
    api = "--rest-api-id {api} --region {region}"
    return (
        command(f"aws apigateway get-rest-api {api} --query '[name,disableExecuteApiEndpoint]'", **where, api=door.id),
        command(
            f"aws apigateway update-rest-api {api}"
            " --patch-operations op=replace,path=/disableExecuteApiEndpoint,value=True",
            **where,
            api=door.id,
        ),
        command(
            f"aws apigateway create-deployment {api} --stage-name {{stage}}",
            **where,
            api=door.id,
            stage=door.stage or "STAGE",
        ),
    )


def _http_api(door: Door, where: Mapping[str, str]) -> tuple[Template, ...]:
    api = "--api-id {api} --region {region}"
    return (
        command(f"aws apigatewayv2 get-api {api} --query '[Name,DisableExecuteApiEndpoint]'", **where, api=door.id),
        command(f"aws apigatewayv2 update-api {api} --disable-execute-api-endpoint", **where, api=door.id),
        command(
            f"aws apigatewayv2 create-deployment {api} --stage-name {{stage}}",
            **where,
            api=door.id,
            stage=door.stage or "STAGE",
        ),
    )
