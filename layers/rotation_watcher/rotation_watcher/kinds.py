"""The table of target kinds: everything about a kind is here or in its adapter, and nowhere else.

Pure data. It is a base module and not part of ``targets``, because the watch file is validated by it and every package
may use it. A new kind is a row here and an adapter in ``adapters/registry.py`` (decision record 0020).

Sources of the figures: the services' developer guides and quota pages, and the SDK's service models. A figure that is
assumed and not documented is marked.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

import msgspec

from rotation_watcher.expressions import Expression


class Proof(StrEnum):
    """What a read-back proves, strongest first."""

    BYTES = "bytes"
    """The service returned what was deployed, and it holds exactly the intended certificates or filters."""
    VERSION = "version"
    """The service reports the exact object version, and that object was read; its warnings are reported."""
    ETAG = "etag"
    """The service shows the ETag that it answered to the very update, as settled, with the number of certificates that
    were sent; what it holds is not given back."""


class Placement(StrEnum):
    """What the region in a target's ARN must be."""

    REGIONAL = "regional"
    """That of its calls, and of the bucket from which it loads: AWS does not say that another one would do."""
    GLOBAL = "global"
    """None: the service's ARNs hold no region."""


class Payload(StrEnum):
    """What is deployed to a target."""

    CA_CERTIFICATES = "ca-certificates"
    """A bundle of CA certificates, as an object version (``ports.TrustTarget``)."""
    LEAVES = "leaves"
    """The accepted leaves themselves: names that are compared behind a trust store (``ports.FilterTarget``)."""


class DoorKind(StrEnum):
    """What a way in for clients is that this target's truststore does not guard, as far as it decides the remedy."""

    LISTENER = "listener"
    """A listener that uses a trust store, and verifies nobody."""
    LISTENER_TARGET = "listener-target"
    """As above, where the listener itself is the target: its trust store is not known."""
    OTHER_STORE = "other-store"
    """A listener that verifies with another trust store."""
    UNSHARED = "unshared"
    """A listener whose trust store is no longer shared with its account."""
    NOT_TLS = "not-tls"
    """A listener whose protocol has no mutual TLS."""
    DOMAIN = "domain"
    """A domain without a truststore."""
    REST_API = "rest-api"
    """An open default endpoint of a REST API, as for the next one."""
    HTTP_API = "http-api"
    DISTRIBUTION = "distribution"
    """A CloudFront distribution that lets viewers in without a client certificate."""
    OTHER_DISTRIBUTION = "other-distribution"
    """A CloudFront distribution that verifies with another trust store."""
    UNREAD = "unread"
    """What the function's role may not read."""


class Door(msgspec.Struct, frozen=True):
    """One of them: the listener's ARN, the domain's name or the API's id, and one of the API's stages behind it."""

    kind: DoorKind
    id: str = ""
    stage: str = ""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much a kind can hold, and which certificates it accepts. None: no rule is known.

    ``certificates`` is the default quota (of filters, where leaves are taken); an operator's ``max_certificates``
    replaces it. How many bytes a bundle may have is judged by the service alone. ``certificate_bytes`` are bytes of
    PEM. ``rsa_bits`` are the smallest and largest modulus, ``rsa_sizes`` the only ones where not all between are taken;
    ``curves`` and ``hashes`` the names as cryptography spells them.
    """

    certificates: int
    certificate_bytes: int | None = None
    rsa_bits: tuple[int, int] | None = None
    rsa_sizes: frozenset[int] | None = None
    curves: frozenset[str] | None = None
    hashes: frozenset[str] | None = None


class RevocationLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How many revocation lists a kind takes: files, and entries in all of them together."""

    files: int
    entries: int


MARK = "genesys-certificate-watcher:bucket"
"""The key of the tag that names the bucket of the stack that keeps a target up to date (``ports.MarkedTarget``)."""

BACK_OFF = timedelta(seconds=31)
"""How long to wait after a busy answer of a service without a documented rate of updates."""


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table.

    ``name`` is stable. ``label`` and ``noun`` name the kind to people, ``shape`` its ARN. ``resource`` matches the last
    part of the ARN, whose third part is ``service``; its group ``name`` is the target's name. ``account``: whether the
    ARN holds an account number. ``pace``: the least time between two updates in an account and region, which
    ``targets/pace`` shares out (None: no limit). ``proof``: the strongest that a read-back gives. ``off``: a
    sentence for people about a target without a truststore (None: a target always has one). ``reads_back``: the
    live content can be read, from the service or from the object that it names. ``changed_by``: the call that changes
    it, as CloudTrail names it. ``revocations``: how many revocation lists it takes (None: it takes none).
    ``companions``: pins and revocation lists lie beside the bundle (``ports.CompanionTarget``). ``plain_name`` matches
    the names that become an id unchanged, with dots as hyphens (``arns.target_ids``); it must not match two names that
    differ only in hyphens and dots.
    """

    name: str
    label: str
    noun: str
    service: str
    shape: str
    resource: Expression
    placement: Placement
    account: bool
    limits: Limits
    pace: timedelta | None
    proof: Proof
    off: str | None
    reads_back: bool
    changed_by: str
    takes: Payload
    plain_name: Expression
    revocations: RevocationLimits | None = None
    companions: bool = False

    @property
    def back_off(self) -> timedelta:
        """How long to wait after the service answered that it is busy."""
        return self.pace or BACK_OFF


ALB_TRUST_STORE = Kind(
    name="alb-trust-store",
    label="ALB trust store",
    noun="trust store",
    service="elasticloadbalancing",
    shape="arn:<partition>:elasticloadbalancing:<region>:<account>:truststore/<name>/<id>",
    resource=Expression(r"truststore/(?P<name>[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?)/[0-9a-f]{8,64}"),
    placement=Placement.REGIONAL,
    account=True,
    limits=Limits(
        certificates=25,
        certificate_bytes=16 * 1024,
        rsa_bits=(2048, 8192),
        curves=frozenset({"secp256r1", "secp384r1", "secp521r1"}),
        hashes=frozenset({"sha256", "sha384", "sha512"}),
    ),
    pace=None,
    proof=Proof.BYTES,
    off=None,
    reads_back=True,
    changed_by="ModifyTrustStore",
    takes=Payload.CA_CERTIFICATES,
    plain_name=Expression(r"[a-z0-9-]+"),
    revocations=RevocationLimits(files=30, entries=500_000),
)

API_GATEWAY_DOMAIN = Kind(
    name="api-gateway-domain",
    label="API Gateway domain",
    noun="domain name",
    service="apigateway",
    shape="arn:<partition>:apigateway:<region>::/domainnames/<name>",
    # Private domain names, which carry an id behind a "+", have no truststore of their own.
    resource=Expression(
        r"/domainnames/(?=.{1,253}\Z)(?P<name>(?:\*\.)?[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+)",
    ),
    placement=Placement.REGIONAL,
    account=False,
    limits=Limits(certificates=1000),  # assumed: probe api-gateway.bundle.1001-certificates
    pace=timedelta(seconds=31),  # one UpdateDomainName in 30 seconds per account and region; it cannot be raised
    proof=Proof.VERSION,
    off="The domain has no truststore: mutual TLS is off.",
    reads_back=True,
    changed_by="UpdateDomainName",
    takes=Payload.CA_CERTIFICATES,
    plain_name=Expression(r"[a-z0-9]+(\.[a-z0-9]+)+"),
)

NLB_LISTENER = Kind(
    name="nlb-listener",
    label="NLB listener",
    noun="listener of a Network Load Balancer",
    service="elasticloadbalancing",
    shape="arn:<partition>:elasticloadbalancing:<region>:<account>:listener/net/<name>/<load balancer>/<id>",
    resource=Expression(
        r"listener/net/(?P<name>[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?)/[0-9a-f]{8,64}/[0-9a-f]{8,64}"
    ),
    placement=Placement.REGIONAL,
    account=True,
    limits=Limits(certificates=100),  # identity filters a listener
    pace=None,
    proof=Proof.BYTES,
    off="The listener does not verify client certificates: mutual TLS is off.",
    reads_back=True,
    changed_by="ModifyListener",
    takes=Payload.LEAVES,
    plain_name=Expression(r"(?!)"),  # a load balancer has several listeners, and they share its name
)

CLOUDFRONT_TRUST_STORE = Kind(
    name="cloudfront-trust-store",
    label="CloudFront trust store",
    noun="CloudFront trust store",
    service="cloudfront",
    shape="arn:<partition>:cloudfront::<account>:trust-store/<id>",
    resource=Expression(r"trust-store/(?P<name>[A-Za-z0-9_-]{1,64})"),  # the id: the ARN does not hold the name
    placement=Placement.GLOBAL,
    account=True,
    limits=Limits(  # CloudFront's quotas, and "Trust stores and certificate management" of its developer guide
        certificates=25,
        certificate_bytes=16 * 1024,
        rsa_sizes=frozenset({2048, 3072, 4096}),
        curves=frozenset({"secp256r1", "secp384r1"}),
        hashes=frozenset({"sha256", "sha384", "sha512"}),
    ),
    pace=None,
    proof=Proof.ETAG,
    off=None,
    reads_back=False,
    changed_by="UpdateTrustStore",
    takes=Payload.CA_CERTIFICATES,
    plain_name=Expression(r"[a-z0-9-]+"),
)

FILE_PLACE = Kind(
    name="file-place",
    label="file place",
    noun="place for files",
    service="s3",
    shape="arn:<partition>:s3:::<bucket>/<folder>/",
    # At least one folder, and no character that a policy, a list of ARNs, a shell or a URL reads as something else.
    resource=Expression(
        r"(?P<name>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/(?=.{1,200}\Z)(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?/)+)"
    ),
    placement=Placement.GLOBAL,
    account=False,
    limits=Limits(certificates=1000),  # ours: servers take far more
    pace=None,
    proof=Proof.BYTES,
    off=None,
    reads_back=True,
    changed_by="PutObject",
    takes=Payload.CA_CERTIFICATES,
    plain_name=Expression(r"(?!)"),  # two buckets may have the same folders
    companions=True,
)

KINDS: dict[str, Kind] = {
    kind.name: kind for kind in (ALB_TRUST_STORE, API_GATEWAY_DOMAIN, NLB_LISTENER, CLOUDFRONT_TRUST_STORE, FILE_PLACE)
}
"""The table, by name."""


def of_service(service: str, kinds: Mapping[str, Kind] = KINDS) -> tuple[Kind, ...]:
    """The kinds whose ARNs name this service."""
    return tuple(kind for kind in kinds.values() if kind.service == service)
