"""ALB trust stores (elbv2).

The service never says from which S3 object a trust store was loaded; what is deployed comes back only through a
pre-signed URL that is good for ten minutes. That URL is a secret: it must reach no log, error or state. httpx puts it
into both, so what is said of a failed download never comes from httpx's own text (and see ``clients.quiet_sdk_logs``).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from rotation_watcher.adapters import clients, marks
from rotation_watcher.adapters.aws_errors import NO_ANSWER, NoAnswerOfSts, SdkError, code, translate
from rotation_watcher.arns import parse_target
from rotation_watcher.errors import BundleRejected, RevocationRejected, RevocationsFull, TargetError, TargetNotFound
from rotation_watcher.kinds import ALB_TRUST_STORE, Door, DoorKind
from rotation_watcher.ports import UNKNOWN, BundleObject, Endpoint, Live, RevocationFile, Unknown
from rotation_watcher.x509.crl_facts import MAX_BYTES

if TYPE_CHECKING:
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client
    from mypy_boto3_elbv2.type_defs import ListenerTypeDef, RevocationContentTypeDef, TrustStoreTypeDef

MAX_BUNDLE = 5_000_000
"""The most bytes of a deployed bundle that are read: 25 certificates of 16 KB are 400 KB, quotas can be raised."""

_AT_ONCE = 20
"""How many trust stores, and how many listeners, are described at once."""
_TRIES = 3
"""How often the bundle is asked for, each time by a new URL; httpx itself does not try again."""
_LOCAL = {"127.0.0.1", "localhost"}
UNKNOWN_FILTERS = "what its identity filters accept (this SDK does not show them)"
"""Stands for the filters of an NLB's listener where the SDK, older than botocore 1.44.8, drops them silently."""
_FILTERS = "ClientCertificateIdentityFilters"
_MOST_WORDS = 300
_BEGIN = b"-----BEGIN CERTIFICATE-----"


class AlbTrustStores:
    """``ports.TrustTarget``, ``Revocation-``, ``Thrifty-`` and ``MarkedTarget``; ``http`` fetches what URLs name."""

    def __init__(self, client: "ElasticLoadBalancingv2Client", http: httpx.Client) -> None:
        clients.quiet_sdk_logs()
        self._client = client
        self._http = http
        mutual: Any = client.meta.service_model.shape_for("MutualAuthenticationAttributes")
        self._tells_filters = _FILTERS in mutual.members
        self._expected: list[str] = []
        self._stores: dict[str, TrustStoreTypeDef] = {}
        self._seen: dict[str, ListenerTypeDef] = {}
        self._marks: dict[str, str | None] = {}
        self._used_by: dict[str, tuple[str, ...]] = {}
        """The listeners of each trust store that was read, by ARN: the next run may ask for several at once."""

    def expect(self, arns: Sequence[str]) -> None:
        """See ``ports.ThriftyTarget``."""
        self._expected = [*arns] if len(arns) > 1 else []
        self._stores.clear()
        self._seen.clear()
        self._marks.clear()

    def read(self, arn: str, known_endpoints: Sequence[str] = ()) -> Live:
        """See ``ports.TrustTarget``. The proof is by bytes; ALB gives no location and no version."""
        try:
            self._look_ahead(arn)
            store = self._stores.pop(arn, None) or self._describe(arn)
            bundle = self._bundle(arn)
            endpoints = self._endpoints(arn, known_endpoints)
            mark = self._mark(arn)
        except (ClientError, BotoCoreError) as error:
            raise _failed("read", arn, error) from error
        if store.get("NumberOfCaCertificates") and _BEGIN not in bundle:
            # Taken for an empty store, it would lose what others keep in it at the next update.
            raise TargetError(f"cannot read {arn}: its bundle came back without a certificate")
        return Live(
            bundle=bundle,
            location=UNKNOWN,
            version=UNKNOWN,
            settled=store.get("Status") == "ACTIVE",
            state="" if store.get("Status") == "ACTIVE" else store.get("Status", ""),
            warnings=(),
            endpoints=endpoints,
            proof=ALB_TRUST_STORE.proof,
            mark=mark,
        )

    def mark(self, arn: str, bucket: str) -> None:
        """See ``ports.MarkedTarget``: a tag."""
        try:
            marks.write(self._client, arn, bucket)
        except (ClientError, BotoCoreError) as error:
            raise _failed("tag", arn, error) from error

    def read_back(self, arn: str) -> Live:
        """See ``ports.ThriftyTarget``. The bytes are the proof; the status tells of a trust store's creation only."""
        try:
            bundle = self._bundle(arn)
        except (ClientError, BotoCoreError) as error:
            raise _failed("read", arn, error) from error
        return Live(
            bundle=bundle,
            location=UNKNOWN,
            version=UNKNOWN,
            settled=True,
            warnings=(),
            endpoints=UNKNOWN,
            proof=ALB_TRUST_STORE.proof,
        )

    def update(self, arn: str, bundle: BundleObject, *, expected: str | None) -> None:
        """See ``ports.TrustTarget``. elbv2 has no compare-and-set."""
        del expected
        try:
            self._client.modify_trust_store(
                TrustStoreArn=arn,
                CaCertificatesBundleS3Bucket=bundle.bucket,
                CaCertificatesBundleS3Key=bundle.key,
                CaCertificatesBundleS3ObjectVersion=bundle.version,
            )
        except (ClientError, BotoCoreError) as error:
            raise _failed("change", arn, error) from error

    def revocations(self, arn: str) -> Sequence[RevocationFile]:
        """See ``ports.RevocationTarget``."""
        try:
            pages = self._client.get_paginator("describe_trust_store_revocations").paginate(TrustStoreArn=arn)
            found = [one for page in pages for one in page.get("TrustStoreRevocations", [])]
        except (ClientError, BotoCoreError) as error:
            raise _failed("read the revocation lists of", arn, error) from error
        files = [RevocationFile(one["RevocationId"], one.get("NumberOfRevokedEntries", 0)) for one in found]
        return sorted(files, key=lambda one: one.id)

    def revocation_content(self, arn: str, number: int) -> bytes:
        """See ``ports.RevocationTarget``."""

        def location() -> str:
            return self._client.get_trust_store_revocation_content(TrustStoreArn=arn, RevocationId=number)["Location"]

        try:
            return self._fetched(arn, "revocation list", location, MAX_BYTES)
        except (ClientError, BotoCoreError) as error:
            if code(error) == "RevocationIdNotFound":
                return b""
            raise _failed("read a revocation list of", arn, error) from error

    def add_revocation(self, arn: str, place: BundleObject) -> RevocationFile:
        """See ``ports.RevocationTarget``."""
        content: RevocationContentTypeDef = {
            "S3Bucket": place.bucket,
            "S3Key": place.key,
            "S3ObjectVersion": place.version,
            "RevocationType": "CRL",
        }
        try:
            (one,) = self._client.add_trust_store_revocations(TrustStoreArn=arn, RevocationContents=[content])[
                "TrustStoreRevocations"
            ]
        except (ClientError, BotoCoreError) as error:
            raise _failed("add a revocation list to", arn, error) from error
        return RevocationFile(one["RevocationId"], one.get("NumberOfRevokedEntries", 0))

    def remove_revocation(self, arn: str, number: int) -> None:
        """See ``ports.RevocationTarget``."""
        try:
            self._client.remove_trust_store_revocations(TrustStoreArn=arn, RevocationIds=[number])
        except (ClientError, BotoCoreError) as error:
            if code(error) != "RevocationIdNotFound":
                raise _failed("remove a revocation list from", arn, error) from error

    def _look_ahead(self, arn: str) -> None:
        """Ask at once for this trust store and the next that are expected; what is refused is asked for one by one.

        Raises ClientError, BotoCoreError where nobody answers: the same would be waited for again.
        """
        if arn not in self._expected:
            return
        start = self._expected.index(arn)
        these = self._expected[start : start + _AT_ONCE]
        del self._expected[start : start + _AT_ONCE]
        listeners = [one for each in these for one in self._used_by.get(each, ())][:_AT_ONCE]
        try:
            found = self._client.describe_trust_stores(TrustStoreArns=these)["TrustStores"]
            self._stores = {one["TrustStoreArn"]: one for one in found}
            described = self._described(ListenerArns=listeners) if listeners else []
            self._seen = {one["ListenerArn"]: one for one in described}
        except (*NO_ANSWER, NoAnswerOfSts):
            raise
        except (ClientError, BotoCoreError):
            return
        with suppress(ClientError, BotoCoreError):
            self._marks = marks.read(self._client, these)

    def _mark(self, arn: str) -> str | Unknown | None:
        """Its mark; UNKNOWN where it may not be read: nothing depends on it but an alert."""
        if arn not in self._marks:
            with suppress(ClientError, BotoCoreError):
                self._marks |= marks.read(self._client, [arn])
        return self._marks.pop(arn, UNKNOWN)

    def _describe(self, arn: str) -> "TrustStoreTypeDef":
        stores = self._client.describe_trust_stores(TrustStoreArns=[arn])["TrustStores"]
        if not stores:
            raise TargetNotFound(f"cannot read {arn}: there is no such trust store")
        return stores[0]

    def _bundle(self, arn: str) -> bytes:
        """The deployed bundle. Raises TargetError, ClientError."""

        def location() -> str:
            return self._client.get_trust_store_ca_certificates_bundle(TrustStoreArn=arn)["Location"]

        return self._fetched(arn, "bundle", location, MAX_BUNDLE)

    def _fetched(self, arn: str, what: str, location: Callable[[], str], most: int) -> bytes:
        """What a pre-signed URL gives. A download that fails is tried again with a new one. Raises TargetError."""
        problem = ""
        for _ in range(_TRIES):
            url = location()
            parts = urlsplit(url)
            if parts.scheme != "https" and parts.hostname not in _LOCAL:
                raise TargetError(f"cannot read {arn}: the service gave a URL that is not https")
            body, problem = self._download(url, most)
            if body is not None:
                return body
        raise TargetError(f"cannot read {arn}: the download of its {what} failed {_TRIES} times: {problem}")

    def _download(self, url: str, most: int) -> tuple[bytes | None, str]:
        """The body, or None and what went wrong, in words that hold nothing of the URL."""
        body = bytearray()
        try:
            with self._http.stream("GET", url, follow_redirects=False) as answer:
                if answer.status_code != httpx.codes.OK:
                    return None, f"HTTP status {answer.status_code}"
                for chunk in answer.iter_bytes():
                    body += chunk
                    if len(body) > most:
                        return None, f"it is larger than {most} bytes"
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            return None, type(error).__name__
        return bytes(body), ""

    def _endpoints(self, arn: str, known: Sequence[str]) -> tuple[Endpoint, ...]:
        """The listeners that use the trust store, and those that once did: whether each still verifies with it."""
        found: dict[str, Endpoint] = {}
        for listener in self._listeners(arn, known):
            name = listener["ListenerArn"]
            found[name] = _judge(listener, name, arn, tells_filters=self._tells_filters)
        self._used_by[arn] = tuple(found)
        return tuple(found[name] for name in sorted(found))

    def _listeners(self, arn: str, known: Sequence[str]) -> Iterator["ListenerTypeDef"]:
        """What an association names is not documented; both a listener and a load balancer are understood.

        A listener of another account, to which the trust store is shared, cannot be described from this one: it is
        left out, like one that no longer exists.
        """
        pages = self._client.get_paginator("describe_trust_store_associations").paginate(TrustStoreArn=arn)
        associated = [item["ResourceArn"] for page in pages for item in page.get("TrustStoreAssociations", [])]
        account = parse_target(arn).account
        for resource in dict.fromkeys((*associated, *known)):
            if resource.split(":")[4:5] != [account]:
                continue
            if ":loadbalancer/" in resource:
                of_balancer = self._described(LoadBalancerArn=resource)
                yield from (
                    one for one in of_balancer if one.get("MutualAuthentication", {}).get("TrustStoreArn") == arn
                )
            elif ":listener/" in resource:
                seen = self._seen.pop(resource, None)
                yield from [seen] if seen else self._described(ListenerArns=[resource])

    def _described(self, **which: Any) -> list["ListenerTypeDef"]:
        try:
            pages = self._client.get_paginator("describe_listeners").paginate(**which)
            return [listener for page in pages for listener in page["Listeners"]]
        except ClientError as error:
            if code(error) in {"ListenerNotFound", "LoadBalancerNotFound"}:
                return []
            raise


def _judge(listener: "ListenerTypeDef", name: str, arn: str, *, tells_filters: bool) -> Endpoint:
    mutual = listener.get("MutualAuthentication", {})
    mode, port = mutual.get("Mode", "off"), listener.get("Port", "?")
    if mode != "verify":
        detail = f"The listener on port {port} does not verify client certificates: mode {mode}."
        return Endpoint(name, False, detail, door=Door(DoorKind.LISTENER, name))
    if (other := mutual.get("TrustStoreArn")) != arn:
        detail = f"The listener on port {port} verifies with another trust store: {other}."
        return Endpoint(name, False, detail, door=Door(DoorKind.OTHER_STORE, name))
    if mutual.get("TrustStoreAssociationStatus") == "removed":
        detail = f"The listener on port {port} lost its trust store, which is no longer shared: its handshakes fail."
        return Endpoint(name, False, detail, door=Door(DoorKind.UNSHARED, name))
    late = " and lets expired ones in" if mutual.get("IgnoreClientCertificateExpiry") else ""
    filters = _filters(mutual) or (
        (UNKNOWN_FILTERS,) if listener.get("Protocol") == "TLS" and not tells_filters else ()
    )
    only = f", and admits only {', '.join(filters)}"[:_MOST_WORDS] if filters else ""
    return Endpoint(name, True, f"The listener on port {port} verifies client certificates{late}{only}.", filters)


def _filters(mutual: Mapping[str, Any]) -> tuple[str, ...]:
    """The identity filters of an NLB's listener, as ``x509.identity_filters`` reads them."""
    given = mutual.get(_FILTERS) or []
    accepting = [one for one in given if one.get("Action", "accept") == "accept"]
    return tuple(f"{one.get('Field', '')} {one.get('MatchType', '')} {one.get('Value', '')}" for one in accepting)


def _failed(verb: str, arn: str, error: SdkError) -> TargetError:
    said = f"cannot {verb} {arn}: {error}"
    match code(error):
        case "TrustStoreNotFound":
            return TargetNotFound(said)
        case "InvalidCaCertificatesBundle":
            return BundleRejected(said)
        case "InvalidRevocationContent":
            return RevocationRejected(said)
        case "TooManyTrustStoreRevocationEntries":
            return RevocationsFull(said)
        case _:
            return translate(f"cannot {verb} {arn}", error)
