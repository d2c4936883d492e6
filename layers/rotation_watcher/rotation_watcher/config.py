"""The watch file: which sources to read, which bundles to make, which targets to keep up to date.

One model and one validation, wherever the configuration comes from (an object in S3, or the template's parameters by
``simple``). ``load`` reports every mistake with its path at once, so that an operator corrects the file in one
deployment. The JSON Schema in ``docs/watch-file.schema.json`` is generated from this model.
"""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from rotation_watcher import arns, keys
from rotation_watcher.errors import UNDECODABLE, ConfigurationError
from rotation_watcher.kinds import Payload, Placement
from rotation_watcher.regions import REGIONS

_ID = r"^[a-z0-9][a-z0-9-]{0,62}$"
Id = Annotated[str, msgspec.Meta(pattern=_ID, description="Lower-case letters, digits and hyphens, 63 at most.")]
Key = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,511}$")]


Reason = Annotated[
    str,
    msgspec.Meta(min_length=10, max_length=300, description="Why it is all right, in a sentence."),
]


class Mode(StrEnum):
    """``observe`` reads, plans and alerts; ``apply`` also changes the targets."""

    OBSERVE = "observe"
    APPLY = "apply"


class Authority(StrEnum):
    """Who signs a client certificate, spelled as the Genesys API spells it."""

    GENESYS = "Genesys"
    DIGICERT = "DigiCert"


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One Genesys Cloud region, read with one organisation's OAuth client.

    ``credentials`` is the ARN of an SSM SecureString or Secrets Manager secret. ``client_name`` overrides the name that
    the region's certificates must carry, of whatever authority; ``anchors`` the key of the file with the region's root.
    """

    id: Id
    region: str
    credentials: str
    authorities: tuple[Authority, ...] = (Authority.GENESYS,)
    client_name: str | None = None
    anchors: Key | None = None
    api_url: str | None = None
    login_url: str | None = None

    @property
    def anchors_key(self) -> str:
        """The key of the file with the region's root."""
        return self.anchors or f"anchors/{self.region}.pem"

    @property
    def resolved_api_url(self) -> str:
        """The base URL of the API: the operator's, or the catalogue's. Validation ensures that there is one."""
        return self.api_url or REGIONS[self.region].api_url

    @property
    def resolved_login_url(self) -> str:
        """The base URL of the token endpoint: the operator's, or the catalogue's."""
        return self.login_url or REGIONS[self.region].login_url

    @property
    def believed_name(self) -> str | None:
        """The name that the catalogue gives the region's clients, proven or not; the operator's takes precedence."""
        region = REGIONS.get(self.region)
        return self.client_name or (region.client_name if region is not None else None)

    def enforced_names(self, authority: str) -> tuple[str, ...]:
        """The name that a certificate of an authority must carry; none where it has to be learned first.

        The article that proves the catalogue's names speaks of Genesys' own authority: DigiCert's leaf is believed to
        bear the same name, and nobody has seen it.
        """
        if self.client_name is not None:
            return (self.client_name,)
        region = REGIONS.get(self.region)
        proven = region is not None and region.name_is_proven and authority == Authority.GENESYS
        return (region.client_name,) if proven and region is not None and region.client_name else ()


class Bundle(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A set of CA certificates made from some sources' accepted leaves, plus the operator's ``extra`` files.

    ``identity``: how doors know a leaf of the Genesys authority, by issuer and name or by its pin; one of DigiCert is
    always known by its pin. ``unknown_leaf``: what becomes of one with the right name under the right CA that is not
    pinned yet: ``strict`` refuses it until a look has confirmed it, ``name`` admits it meanwhile.
    """

    id: Id
    sources: tuple[Id, ...]
    authorities: tuple[Authority, ...] = (Authority.GENESYS,)
    extra: tuple[Key, ...] = ()
    identity: Literal["issued", "pinned"] = "issued"
    unknown_leaf: Literal["strict", "name"] = "strict"


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One trust store, domain or listener (``kinds``), and the bundle it should hold.

    ``revocation``: ``crl`` (by default, at a trust store) keeps the revocation lists of its CAs loaded, ``off`` none.
    ``shared_authority`` says why it may hold the root of a CA that signs for others as well: then that is not alerted.

    ``empty_filters`` is for listeners alone, and says what is done where one has no identity filter, as most have at
    first: ``keep`` leaves it so and warns that everybody comes in whom its trust store admits; ``fill`` puts the names
    of the accepted leaves there, and from then on clients with any other name are refused.
    """

    id: Id
    arn: str
    bundle: Id
    on_drift: Literal["heal", "report"] = "heal"
    unknown: Literal["keep", "remove"] = "keep"
    max_certificates: Annotated[int, msgspec.Meta(ge=1, le=10_000)] | None = None
    revocation: Literal["crl", "off"] | None = None
    shared_authority: Reason | None = None
    empty_filters: Literal["keep", "fill"] = "keep"

    @property
    def keeps_lists(self) -> bool:
        """Whether it holds the revocation lists of what it admits: by default, where its kind takes them."""
        return self.revocation != "off" and arns.parse_target(self.arn).kind.revocations is not None

    @property
    def limit(self) -> int:
        """The most certificates this target may hold: the operator's figure, or its kind's default quota."""
        if self.max_certificates is not None:
            return self.max_certificates
        return arns.parse_target(self.arn).kind.limits.certificates


class RemindDays(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """After how many days people are reminded of what lasts, by its severity; 0: never. Information is not repeated."""

    critical: Annotated[int, msgspec.Meta(ge=0, le=30)] = 1
    warning: Annotated[int, msgspec.Meta(ge=0, le=90)] = 7

    def of(self, severity: str) -> int:
        """The days for a severity; 0: never."""
        return {"critical": self.critical, "warning": self.warning}.get(severity, 0)


type ClockTime = Annotated[str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
"""A time of day, ``07:30``."""


class QuietHours(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When information waits, each day from ``start`` to ``end``, over midnight too; ``weekends``: and at weekends.

    What somebody has to act upon, or to read within a working day, never waits.
    """

    start: ClockTime
    end: ClockTime
    weekends: bool = False


class WeeklyDigest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When people are told how everything stands, once a week, also when all is well."""

    day: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "never"] = "monday"
    at: ClockTime = "08:00"


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When changes are announced, certificates removed and alerts raised.

    ``confirmations`` counts consecutive observations. Days and hours are whole; ``max_removed_share`` is a fraction (0
    to 1) of the certificates that the target holds; ``max_removals`` counts certificates per update. ``time_zone`` is
    that of ``quiet_hours`` and ``weekly_digest``, by its name in the tz database (``Europe/Zurich``).
    """

    confirmations: Annotated[int, msgspec.Meta(ge=1, le=20)] = 2
    retain_days: Annotated[int, msgspec.Meta(ge=1, le=400)] = 30
    max_removals: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 2
    max_removed_share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.5
    expiry_days: tuple[Annotated[int, msgspec.Meta(ge=1, le=400)], ...] = (90, 60, 30, 14, 7, 3, 1)
    stale_after_hours: Annotated[int, msgspec.Meta(ge=1, le=720)] = 6
    remind_days: RemindDays = RemindDays()
    time_zone: str = "UTC"
    quiet_hours: QuietHours | None = None
    weekly_digest: WeeklyDigest = WeeklyDigest()


class Watch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole watch file."""

    sources: tuple[Source, ...]
    mode: Mode = Mode.OBSERVE
    bundles: tuple[Bundle, ...] = ()
    targets: tuple[Target, ...] = ()
    policy: Policy = Policy()

    def bundle(self, bundle_id: str) -> Bundle:
        """The bundle of that id. Validation ensures that every target's bundle exists."""
        return next(bundle for bundle in self.bundles if bundle.id == bundle_id)

    def targets_of(self, source_id: str) -> tuple[Target, ...]:
        """The targets whose bundle uses a source."""
        of_source = {bundle.id for bundle in self.bundles if source_id in bundle.sources}
        return tuple(target for target in self.targets if target.bundle in of_source)

    @property
    def idle_bundles(self) -> tuple[Bundle, ...]:
        """The bundles that no target loads: published all the same, for use outside the stack."""
        loaded = {target.bundle for target in self.targets}
        return tuple(bundle for bundle in self.bundles if bundle.id not in loaded)


def load(data: bytes, *, stack_region: str, stack_account: str | None = None) -> Watch:
    """The watch file in ``data`` (JSON), valid for a stack in ``stack_region``.

    ``stack_account`` None: it is not known, and only regions are compared.

    Raises ConfigurationError with every mistake, each beginning with its path (``targets[1].arn``).
    """
    try:
        document = msgspec.json.decode(data)
    except UNDECODABLE as error:
        raise ConfigurationError([f"$: not valid JSON: {error}"]) from error
    return from_document(document, stack_region=stack_region, stack_account=stack_account)


def from_document(document: object, *, stack_region: str, stack_account: str | None = None) -> Watch:
    """As ``load``, from decoded JSON."""
    mistakes = list(_shape_mistakes(document))
    if mistakes:
        raise ConfigurationError(mistakes)
    watch = msgspec.convert(document, Watch)
    stack = _Stack(stack_region, stack_account)
    mistakes = [*_source_mistakes(watch, stack), *_bundle_mistakes(watch), *_target_mistakes(watch, stack)]
    mistakes += _policy_mistakes(watch.policy)
    if mistakes:
        raise ConfigurationError(mistakes)
    return watch


def simple(
    *,
    mode: str,
    region: str,
    authorities: Iterable[str],
    credentials: Iterable[str],
    targets: Iterable[str],
    stack_region: str,
    stack_account: str | None = None,
) -> Watch:
    """The watch file that is equivalent to the template's parameters: one region, one bundle ``main``, targets by ARN.

    The source's id is the Genesys region; a target's id follows from its ARN (``arns.target_ids``). Raises
    ConfigurationError.
    """
    arn_list = [arn for arn in targets if arn]
    secrets = [arn for arn in credentials if arn]
    chosen = [authority for authority in authorities if authority]
    mistakes = []
    if not region:
        mistakes.append("GenesysRegion: empty: give the AWS region name of your Genesys Cloud organisation")
    if len(secrets) != 1:
        mistakes.append(
            f"CredentialArns: the simple case takes exactly one ARN, found {len(secrets)}: use WatchFileUri"
        )
    if mistakes:
        raise ConfigurationError(mistakes)
    document = {
        "mode": mode,
        "sources": [{"id": region, "region": region, "credentials": secrets[0], "authorities": chosen}],
        "bundles": [{"id": "main", "sources": [region], "authorities": chosen}],
        "targets": [
            {"id": name, "arn": arn, "bundle": "main"}
            for name, arn in zip(arns.target_ids(arn_list), arn_list, strict=True)
        ],
    }
    try:
        return from_document(document, stack_region=stack_region, stack_account=stack_account)
    except ConfigurationError as error:
        raise ConfigurationError([*dict.fromkeys(map(_of_parameter, error.mistakes))]) from error


_PARAMETERS = (
    (re.compile(r"sources\[0\]\.(api|login)_url: missing, and "), "GenesysRegion: "),
    (re.compile(r"sources\[0\]\.(id|region): "), "GenesysRegion: "),
    (re.compile(r"sources\[0\]\.credentials: "), "CredentialArns: "),
    (re.compile(r"(sources|bundles)\[0\]\.authorities(\[\d+\])?: "), "Authorities: "),
    (re.compile(r"targets\[\d+\]\.(arn|id): "), "TargetArns: "),
    (re.compile(r"mode: "), "Mode: "),
)
"""Paths of the watch file that stands for the parameters, and the parameter that each comes from."""


def _of_parameter(mistake: str) -> str:
    """A mistake by the name of its parameter, which is all that the operator has written."""
    for path, parameter in _PARAMETERS:
        if path.match(mistake):
            return path.sub(parameter, mistake, count=1)
    return mistake


def json_schema() -> dict[str, Any]:
    """The JSON Schema of the watch file."""
    schema = msgspec.json.schema(Watch)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Watch file", **schema}


_LISTS: Mapping[str, type[msgspec.Struct]] = {"sources": Source, "bundles": Bundle, "targets": Target}


def _shape_mistakes(document: object) -> Iterable[str]:
    """Every mistake of type and shape: msgspec reports only the first, so each value is converted separately."""
    if not isinstance(document, dict):
        yield "$: must be a JSON object"
        return
    yield from _struct_mistakes("", document, Watch, skip=_LISTS)
    for name, item_type in _LISTS.items():
        items = document.get(name, [])
        if not isinstance(items, list):
            yield f"{name}: must be a list"
            continue
        for index, item in enumerate(items):
            yield from _struct_mistakes(f"{name}[{index}]", item, item_type)
    if document.get("sources") == []:
        yield "sources: empty: name at least one Genesys Cloud region"


def _struct_mistakes(path: str, value: object, struct: type[msgspec.Struct], skip: Iterable[str] = ()) -> Iterable[str]:
    if not isinstance(value, dict):
        yield f"{path}: must be a JSON object"
        return
    prefix = f"{path}." if path else ""
    fields = {field.name: field for field in msgspec.structs.fields(struct)}
    for name in value.keys() - fields.keys():
        yield f"{prefix}{name}: unknown; known here: {', '.join(sorted(fields))}"
    for name, field in fields.items():
        if name not in value:
            if field.required:
                yield f"{prefix}{name}: missing"
        elif name in skip:
            continue
        elif isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from _struct_mistakes(f"{prefix}{name}", value[name], field.type)
        else:
            yield from _value_mistakes(f"{prefix}{name}", value[name], field.type)


def _value_mistakes(path: str, value: object, kind: Any) -> Iterable[str]:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `$")
        yield f"{path}{where.rstrip('`')}: {message[:1].lower()}{message[1:]}"


class _Stack(NamedTuple):
    """The stack's region and account."""

    region: str
    account: str | None


def _doubled(path: str, ids: Iterable[str]) -> Iterable[str]:
    seen: set[str] = set()
    for index, item in enumerate(ids):
        if item in seen:
            yield f"{path}[{index}].id: {item!r} is used twice"
        seen.add(item)


def _source_mistakes(watch: Watch, stack: _Stack) -> Iterable[str]:
    yield from _doubled("sources", (source.id for source in watch.sources))
    for index, source in enumerate(watch.sources):
        path = f"sources[{index}]"
        try:
            secret = arns.parse_secret(source.credentials)
        except ValueError as error:
            yield f"{path}.credentials: {error}"
        else:
            yield from _misplaced(f"{path}.credentials", source.credentials, secret.region, secret.account, stack)
        if not source.authorities:
            yield f"{path}.authorities: empty: name Genesys, DigiCert or both"
        # Whoever can write there would otherwise decide which roots are trusted.
        if source.anchors is not None and source.anchors.startswith(keys.STATE):
            folders = ", ".join(keys.STATE)
            yield f"{path}.anchors: {source.anchors!r} lies where functions write ({folders}): put it below anchors/"
        known = source.region in REGIONS
        for name, url in (("api_url", source.api_url), ("login_url", source.login_url)):
            if url is None and not known:
                yield (
                    f"{path}.{name}: missing, and {source.region!r} is not in the catalogue of Genesys Cloud regions"
                    f" ({', '.join(sorted(REGIONS))})"
                )
            elif url is not None and not _is_https(url):
                yield f"{path}.{name}: {url!r} is no https:// URL"


def _policy_mistakes(policy: Policy) -> Iterable[str]:
    try:
        ZoneInfo(policy.time_zone)
    except (ValueError, ZoneInfoNotFoundError, OSError):  # OSError: the name of a folder
        yield f"policy.time_zone: {policy.time_zone!r} is no time zone: write it as Europe/Zurich, or UTC"
    hours = policy.quiet_hours
    if hours is not None and hours.start == hours.end and not hours.weekends:
        yield f"policy.quiet_hours: {hours.start} to {hours.end} is no time at all: leave it out, or give another end"


def _is_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that do not match, or a port beyond 65535
        return False


def _bundle_mistakes(watch: Watch) -> Iterable[str]:
    yield from _doubled("bundles", (bundle.id for bundle in watch.bundles))
    sources = {source.id: source for source in watch.sources}
    for index, bundle in enumerate(watch.bundles):
        path = f"bundles[{index}]"
        if not bundle.sources:
            yield f"{path}.sources: empty: a bundle of nothing would be an empty truststore"
        if not bundle.authorities:
            yield f"{path}.authorities: empty: name Genesys, DigiCert or both"
        for place, source_id in enumerate(bundle.sources):
            source = sources.get(source_id)
            if source is None:
                yield f"{path}.sources[{place}]: there is no source {source_id!r}"
                continue
            unseen = [authority.value for authority in bundle.authorities if authority not in source.authorities]
            if unseen:
                yield f"{path}.authorities: source {source_id!r} does not read {', '.join(unseen)}"
        for place, key in enumerate(bundle.extra):
            if not (key.startswith("extra/") and key.endswith(".pem")):
                yield f"{path}.extra[{place}]: {key!r} must be extra/<name>.pem"


def _misplaced(path: str, arn: str, region: str | None, account: str | None, stack: _Stack) -> Iterable[str]:
    """The mistake of an ARN in another region or account than the stack's. None: not known."""
    if region != stack.region:
        yield (
            f"{path}: {arn} is in {region}, this stack is in {stack.region}:"
            " deploy one stack in each region that has targets, each with its secrets"
        )
    if account is not None and stack.account is not None and account != stack.account:
        yield f"{path}: {arn} is of the account {account}, this stack of {stack.account}: name one of this account"


def _target_mistakes(watch: Watch, stack: _Stack) -> Iterable[str]:
    yield from _doubled("targets", (target.id for target in watch.targets))
    bundles = {bundle.id for bundle in watch.bundles}
    arns_seen: dict[str, int] = {}
    for index, target in enumerate(watch.targets):
        path = f"targets[{index}]"
        if target.bundle not in bundles:
            yield f"{path}.bundle: there is no bundle {target.bundle!r}"
        try:
            parsed = arns.parse_target(target.arn)
        except ValueError as error:
            yield f"{path}.arn: {error}"
            continue
        if target.revocation == "crl" and parsed.kind.revocations is None:
            yield f"{path}.revocation: this {parsed.kind.noun} takes no revocation lists: leave it out, or write off"
        yield from _unfit_settings(path, target, parsed)
        region = stack.region if parsed.kind.placement is Placement.GLOBAL else parsed.region
        yield from _misplaced(f"{path}.arn", target.arn, region, parsed.account, stack)
        if target.arn in arns_seen:
            yield f"{path}.arn: the same as targets[{arns_seen[target.arn]}].arn: two bundles would fight over it"
        arns_seen[target.arn] = index


def _unfit_settings(path: str, target: Target, parsed: arns.TargetArn) -> Iterable[str]:
    """The mistakes of settings that another kind of target has."""
    if parsed.kind.takes is not Payload.LEAVES:
        if target.empty_filters != "keep":
            yield f"{path}.empty_filters: only a listener has identity filters, a {parsed.kind.noun} has none"
        return
    if target.unknown == "remove":
        yield f"{path}.unknown: filters of others are never taken out of a listener: take them out by hand"
    most = parsed.kind.limits.certificates
    if target.max_certificates is not None and target.max_certificates > most:
        yield f"{path}.max_certificates: a listener holds {most} identity filters at most"
