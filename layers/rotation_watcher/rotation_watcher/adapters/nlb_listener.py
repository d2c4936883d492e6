"""The identity filters of NLB listeners (elbv2).

ModifyListener takes the whole ``MutualAuthentication``, and what is left out of it is lost. So a change sends along
what was read, and an answer with a member that this release does not know is refused: it could not be sent along.
An SDK that does not know the filters drops them silently, in answers and in requests; then nothing is read or changed.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import botocore
import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from rotation_watcher.adapters import clients, marks
from rotation_watcher.adapters.aws_errors import SdkError, code, translate
from rotation_watcher.errors import BundleRejected, SdkTooOld, TargetBusy, TargetError, TargetNotFound
from rotation_watcher.ports import UNKNOWN, Filter, Listener, Unknown

if TYPE_CHECKING:
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client

FILTERS = "ClientCertificateIdentityFilters"
NEEDED_SDK = "1.44.8"
"""The first botocore (and boto3) whose model knows the filters."""
_SETTINGS = ("IgnoreClientCertificateExpiry", "AdvertiseTrustStoreCaNames")
_KNOWN = {"Mode", "TrustStoreArn", "TrustStoreAssociationStatus", FILTERS, *_SETTINGS}
_REFUSED = {"InvalidConfigurationRequest", "ValidationError"}
"""What speaks of the filters. Not that the trust store behind the listener is not there, or not active (yet)."""


class NlbListeners:
    """``ports.FilterTarget`` and ``MarkedTarget`` for TLS listeners of Network Load Balancers."""

    def __init__(self, client: "ElasticLoadBalancingv2Client") -> None:
        clients.quiet_sdk_logs()
        self._client = client
        mutual: Any = client.meta.service_model.shape_for("MutualAuthenticationAttributes")
        self._lacks = sorted(_KNOWN - {*mutual.members})

    def read(self, arn: str) -> Listener:
        """See ``ports.FilterTarget``."""
        live = self._read(arn)
        return msgspec.structs.replace(live, mark=self._mark(arn))

    def mark(self, arn: str, bucket: str) -> None:
        """See ``ports.MarkedTarget``: a tag."""
        try:
            marks.write(self._client, arn, bucket)
        except (ClientError, BotoCoreError) as error:
            raise _failed("tag", arn, error) from error

    def _mark(self, arn: str) -> str | Unknown | None:
        """Its mark; UNKNOWN where it may not be read: nothing depends on it but an alert."""
        with suppress(ClientError, BotoCoreError):
            return marks.read(self._client, [arn]).get(arn, UNKNOWN)
        return UNKNOWN

    def _read(self, arn: str) -> Listener:
        """What it is, without its mark. Raises SdkTooOld, TargetError."""
        if self._lacks:  # what it does not know it drops silently, and a change would lose
            raise SdkTooOld(
                f"cannot read {arn}: this function runs with botocore {botocore.__version__}, which knows nothing of"
                f" {', '.join(self._lacks)}: it needs boto3 {NEEDED_SDK} or newer, from the runtime or from the layer"
            )
        try:
            listeners: list[Any] = [*self._client.describe_listeners(ListenerArns=[arn])["Listeners"]]
        except (ClientError, BotoCoreError) as error:
            raise _failed("read", arn, error) from error
        if not listeners:
            raise TargetNotFound(f"cannot read {arn}: there is no such listener")
        mutual: Mapping[str, Any] = listeners[0].get("MutualAuthentication") or {}
        if unknown := sorted(mutual.keys() - _KNOWN):
            raise TargetError(
                f"cannot read {arn}: its mutual TLS has settings that this release does not know"
                f" ({', '.join(unknown)}), and a change would lose them: deploy the newest release"
            )
        return Listener(
            protocol=str(listeners[0].get("Protocol", "")),
            mode=str(mutual.get("Mode", "off")),
            trust_store=mutual.get("TrustStoreArn"),
            shared=str(mutual.get("TrustStoreAssociationStatus", "")),
            filters=tuple(_filter(one) for one in mutual.get(FILTERS) or ()),
            settings={name: mutual[name] for name in _SETTINGS if name in mutual},
        )

    def update(self, arn: str, filters: Sequence[Filter], *, expected: Listener) -> None:
        """See ``ports.FilterTarget``."""
        if not filters:
            raise BundleRejected(
                f"cannot change {arn}: an empty list would admit everybody whom the trust store admits"
            )
        live = self._read(arn)
        if live != msgspec.structs.replace(expected, mark=UNKNOWN):
            raise TargetBusy(f"cannot change {arn}: somebody else has changed it since it was read")
        if live.mode != "verify" or live.trust_store is None:
            raise BundleRejected(f"cannot change {arn}: it does not verify clients (mode {live.mode})")
        mutual: Any = {
            "Mode": live.mode,
            "TrustStoreArn": live.trust_store,
            **live.settings,
            FILTERS: [
                {"Field": one.field, "Action": one.action, "MatchType": one.match, "Value": one.value}
                for one in filters
            ],
        }
        try:
            self._client.modify_listener(ListenerArn=arn, MutualAuthentication=mutual)
        except (ClientError, BotoCoreError) as error:
            raise _failed("change", arn, error) from error


def _filter(given: Mapping[str, Any]) -> Filter:
    return Filter(
        field=str(given.get("Field", "")),
        match=str(given.get("MatchType", "")),
        value=str(given.get("Value", "")),
        action=str(given.get("Action", "accept")),
    )


def _failed(verb: str, arn: str, error: SdkError) -> TargetError:
    said = f"cannot {verb} {arn}: {error}"
    if code(error) == "ListenerNotFound":
        return TargetNotFound(said)
    if code(error) in _REFUSED:
        return BundleRejected(said)
    return translate(f"cannot {verb} {arn}", error)
