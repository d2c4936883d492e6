"""What a watch file says once it is read: sources, bundles, targets and the policy, each with all its settings.

The functions work with this model alone. How a person may write it shorter is ``watch_form``. The descriptions are
those of the JSON Schema, and of the mistakes that name what belongs in a field.
"""

from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from rotation_watcher import arns
from rotation_watcher.reach import Reach
from rotation_watcher.regions import REGIONS


def _about(words: str) -> msgspec.Meta:
    """What a field means: its description in the schema."""
    return msgspec.Meta(description=words)


def _form(pattern: str, words: str) -> msgspec.Meta:
    """The form of a text, and in words, which editors and mistakes show instead of the pattern.

    To Python ``$`` is also the place before a last line break: that is none of the text's.
    """
    return msgspec.Meta(pattern=f"{pattern}(?!\\n)", extra_json_schema={"patternErrorMessage": words})


Id = Annotated[
    str, _form(r"^[a-z0-9][a-z0-9-]{0,62}$", "lower-case letters, digits and hyphens, 63 at most, no hyphen first")
]
Key = Annotated[
    str, _form(r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,511}$", "a key in the stack's bucket, such as extra/our-partner.pem")
]
ClientName = Annotated[
    str,
    _form(
        r"^(\*\.)?([A-Za-z0-9_-]{1,63}\.)+[A-Za-z0-9_-]{1,63}\.?$",
        "a DNS name as the certificates bear it, such as dataactions.example.com",
    ),
]
Reason = Annotated[str, msgspec.Meta(min_length=10, max_length=300)]
RoleArn = Annotated[str, _form(r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[!-~]+$", "the ARN of an IAM role")]
Account = Annotated[str, _form(r"^[0-9]{12}$", 'an account number of 12 digits in quotes, such as "111122223333"')]
ExternalId = Annotated[
    str, _form(r"^[A-Za-z0-9+=,.@:/_-]{2,1224}$", "2 to 1,224 letters, digits and + = , . @ : / _ -")
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

    id: Annotated[Id, _about("Your name of this source. What is known is its region's, whatever its id.")]
    region: Annotated[str, _about("The AWS name of the Genesys Cloud region, such as us-east-1.")]
    credentials: Annotated[
        str,
        _about("ARN of the SSM SecureString or Secrets Manager secret with client_id and client_secret, as JSON."),
    ]
    authorities: Annotated[
        tuple[Authority, ...], _about("Which signing authorities to read: Genesys, DigiCert or both.")
    ] = (Authority.GENESYS,)
    client_name: Annotated[
        ClientName | None,
        _about("The one name that certificates of every authority must bear; by default the region's, or learned."),
    ] = None
    anchors: Annotated[
        Key | None, _about("Key of the file with the region's root; by default anchors/<region>.pem.")
    ] = None
    api_url: Annotated[str | None, _about("https:// address of the API, for a region not in the catalogue.")] = None
    login_url: Annotated[
        str | None, _about("https:// address that gives tokens, for a region not in the catalogue.")
    ] = None

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

    id: Annotated[Id, _about("Your name of this bundle. Its files lie below bundles/<id>/.")]
    sources: Annotated[tuple[Id, ...], _about("The ids of the sources whose leaves it must admit.")]
    authorities: Annotated[tuple[Authority, ...], _about("Whose leaves it must admit: Genesys, DigiCert or both.")] = (
        Authority.GENESYS,
    )
    extra: Annotated[tuple[Key, ...], _about("Keys of CA files of your own, extra/<name>.pem, to be in it too.")] = ()
    identity: Annotated[
        Literal["issued", "pinned"],
        _about("How doors know a Genesys leaf: by issuer and name (issued), or only by its pin (pinned)."),
    ] = "issued"
    unknown_leaf: Annotated[
        Literal["strict", "name"],
        _about("A leaf of the right name and CA that is not pinned yet: refused (strict), or admitted (name)."),
    ] = "strict"


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One trust store, domain or listener (``kinds``), and the bundle it should hold.

    ``revocation``: ``crl`` (by default, at a trust store) keeps the revocation lists of its CAs loaded, ``off`` none.
    ``shared_authority`` says why it may hold the root of a CA that signs for others as well: then that is not alerted.

    ``empty_filters`` is for listeners alone, and says what is done where one has no identity filter, as most have at
    first: ``keep`` leaves it so and warns that everybody comes in whom its trust store admits; ``fill`` puts the names
    of the accepted leaves there, and from then on clients with any other name are refused.

    ``role_arn`` is the role of the target's account in whose name it is read and changed, ``external_id`` what that
    role's trust policy asks for: not a secret, but known to both sides.

    ``bucket_account`` is for places for files alone: the account to which the bucket must belong, by default that of
    the role, or the stack's. The name of a bucket that was deleted is anybody's.
    """

    id: Annotated[Id, _about("Your name of this target, in alerts and calls by hand. Its state belongs to its ARN.")]
    arn: Annotated[str, _about("ARN of a trust store, an API Gateway domain name, or a TLS listener of an NLB.")]
    bundle: Annotated[Id, _about("The id of the bundle that it loads.")]
    role_arn: Annotated[
        RoleArn | None, _about("For a target of another account: the role there that publish takes on.")
    ] = None
    external_id: Annotated[
        ExternalId | None, _about("The external id that this role's trust policy asks for, if it asks for one.")
    ] = None
    bucket_account: Annotated[
        Account | None,
        _about("For a place for files: the account of its bucket, if that is not role_arn's, or the stack's."),
    ] = None
    on_drift: Annotated[
        Literal["heal", "report"],
        _about("When somebody else changed it: put it right (heal), or only send an alert (report)."),
    ] = "heal"
    unknown: Annotated[
        Literal["keep", "remove"], _about("What the watcher did not add: stays (keep), or is taken out (remove).")
    ] = "keep"
    max_certificates: Annotated[
        Annotated[int, msgspec.Meta(ge=1, le=10_000)] | None,
        _about("Your quota; by default 25 (ALB), 1000 (API Gateway), 100 filters (NLB)."),
    ] = None
    revocation: Annotated[
        Literal["crl", "off"] | None,
        _about("Keep the revocation lists of its CAs loaded (crl, by default at trust stores), or none (off)."),
    ] = None
    shared_authority: Annotated[
        Reason | None,
        _about("Why it may hold the root of a CA that signs for others too, in a sentence: then no alert tells of it."),
    ] = None
    empty_filters: Annotated[
        Literal["keep", "fill"],
        _about(
            "For a listener without any identity filter: leave it so (keep), or put the leaves' names there (fill)."
        ),
    ] = "keep"

    @property
    def reach(self) -> Reach:
        """From where it is reached. Raises ValueError where the ARN is no target's: validation ensures that it is."""
        return Reach(arns.parse_target(self.arn).region, self.role_arn, self.external_id, self.bucket_account)

    @property
    def label(self) -> str:
        """The target for people: by its name, or by the id that an operator gave it: others may have its name."""
        arn = arns.parse_target(self.arn)
        return arn.label if self.id in {arn.name, arns.own_id(self.arn)} else f"{arn.kind.label} {self.id}"

    @property
    def keeps_lists(self) -> bool:
        """Whether it holds the revocation lists of what it admits: by default, where its kind takes them."""
        return self.revocation != "off" and arns.parse_target(self.arn).kind.revocations is not None

    @property
    def loads_lists(self) -> bool:
        """Whether a new revocation list concerns it: in itself, or as a file beside its bundle."""
        return self.keeps_lists or arns.parse_target(self.arn).kind.companions

    @property
    def limit(self) -> int:
        """The most certificates this target may hold: the operator's figure, or its kind's default quota."""
        if self.max_certificates is not None:
            return self.max_certificates
        return arns.parse_target(self.arn).kind.limits.certificates


class RemindDays(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """After how many days people are reminded of what lasts, by its severity; 0: never. Information is not repeated."""

    critical: Annotated[int, msgspec.Meta(ge=0, le=30), _about("Days between reminders of what is critical.")] = 1
    warning: Annotated[int, msgspec.Meta(ge=0, le=90), _about("Days between reminders of warnings.")] = 7

    def of(self, severity: str) -> int:
        """The days for a severity; 0: never."""
        return {"critical": self.critical, "warning": self.warning}.get(severity, 0)


type ClockTime = Annotated[str, _form(r"^([01][0-9]|2[0-3]):[0-5][0-9]$", 'a time of day in quotes, such as "07:30"')]
"""A time of day, ``07:30``."""


_DAY = 24 * 60


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


class QuietHours(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When information waits, each day from ``start`` to ``end``, over midnight too; ``weekends``: and at weekends.

    What somebody has to act upon, or to read within a working day, never waits.
    """

    start: Annotated[ClockTime, _about("When quiet begins, such as 19:00.")]
    end: Annotated[ClockTime, _about("When it ends, such as 07:00; over midnight too.")]
    weekends: Annotated[bool, _about("Whether Saturdays and Sundays are quiet as a whole.")] = False

    @property
    def open_minutes(self) -> int:
        """How many minutes of a day are not quiet; 0 where the end is the start, which is no time at all."""
        return (_minutes(self.start) - _minutes(self.end)) % _DAY


class WeeklyDigest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When people are told how everything stands, once a week, also when all is well."""

    day: Annotated[
        Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "never"],
        _about("The day of the week, or never."),
    ] = "monday"
    at: Annotated[ClockTime, _about("The time of that day.")] = "08:00"


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When changes are announced, certificates removed and alerts raised.

    ``confirmations`` counts consecutive observations. Days and hours are whole; ``max_removed_share`` is a fraction (0
    to 1) of the certificates that the target holds; ``max_removals`` counts certificates per update. ``time_zone`` is
    that of ``quiet_hours`` and ``weekly_digest``, by its name in the tz database (``Europe/Zurich``).
    """

    confirmations: Annotated[
        int, msgspec.Meta(ge=1, le=20), _about("Observations that must agree before a change is announced.")
    ] = 2
    retain_days: Annotated[
        int, msgspec.Meta(ge=1, le=400), _about("Days of grace before a certificate is removed.")
    ] = 30
    max_removals: Annotated[
        int, msgspec.Meta(ge=0, le=1000), _about("More removals in one update wait until you release them.")
    ] = 2
    max_removed_share: Annotated[
        float, msgspec.Meta(ge=0, le=1), _about("The same as a share of what the target holds, 0 to 1.")
    ] = 0.5
    expiry_days: Annotated[
        tuple[Annotated[int, msgspec.Meta(ge=1, le=400)], ...],
        _about("Days before an end (a third of a short life at most) at which expiring is told; none: never."),
    ] = (90, 60, 30, 14, 7, 3, 1)
    stale_after_hours: Annotated[
        int, msgspec.Meta(ge=1, le=720), _about("Nothing is removed while the last successful observation is older.")
    ] = 6
    remind_days: Annotated[RemindDays, _about("After how many days people are told again of what lasts; 0: never.")] = (
        RemindDays()
    )
    time_zone: Annotated[str, _about("Of quiet_hours and weekly_digest, such as Europe/Zurich.")] = "UTC"
    quiet_hours: Annotated[
        QuietHours | None, _about("When information waits; nothing urgent does. By default never.")
    ] = None
    weekly_digest: Annotated[
        WeeklyDigest, _about("When people are told how everything stands, also when all is well.")
    ] = WeeklyDigest()


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
