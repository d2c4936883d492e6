"""What a watch file must not say although its shape is right: every mistake of meaning, with where it is written.

Pure, over the model and the places that ``watch_form.expand`` kept of it. What a group or the defaults say wrongly is
told once, where it stands.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from urllib.parse import urlsplit

import msgspec

from rotation_watcher import arns, keys, reach
from rotation_watcher.kinds import FILE_PLACE, Payload
from rotation_watcher.regions import REGIONS
from rotation_watcher.watch_form import Entry, Expanded
from rotation_watcher.watch_mistakes import Mistake, Path, shown
from rotation_watcher.watch_model import Bundle, Policy, Source, Target, Watch

_LOUD = 60
"""The fewest minutes of a day in which information may be told: report runs every five, if all goes well."""
_FEW = 8
"""How many ids are named as choices."""


class Elsewhere(msgspec.Struct, frozen=True):
    """What a stack may reach beside its own region and account. None: not known, so nothing is refused for it.

    ``buckets`` are the names of its buckets in other regions, which end with the region (``bucket_in``); ``roles`` the
    ARNs of the roles that publish may take on.
    """

    buckets: Collection[str] | None = ()
    roles: Collection[str] | None = ()


NOWHERE = Elsewhere()
"""For a stack that reaches its own region and account alone."""
UNKNOWN_STACK = Elsewhere(None, None)
"""For callers that read a watch file without the stack that it is for."""


class Stack(msgspec.Struct, frozen=True):
    """The stack's region and account (None: not known), and what it reaches beside them."""

    region: str
    account: str | None
    elsewhere: Elsewhere = NOWHERE


def mistakes(watch: Watch, written: Expanded, stack: Stack) -> Iterator[Mistake]:
    """Every mistake of meaning in what ``written`` says."""
    entries, known = written.entries, written.known
    for name in ("sources", "bundles", "targets"):
        yield from _doubled(getattr(watch, name), entries[name])
    for source, entry in zip(watch.sources, entries["sources"], strict=True):
        yield from _of_source(source, entry, stack)
    sources = {source.id: source for source in watch.sources}
    for bundle, entry in zip(watch.bundles, entries["bundles"], strict=True):
        yield from _of_bundle(bundle, entry, sources, known["sources"])
    seen: dict[str, Path] = {}
    for target, entry in zip(watch.targets, entries["targets"], strict=True):
        yield from _of_target(target, entry, known["bundles"], stack)
        if target.arn in seen:
            words = f"the same as {shown(seen[target.arn])}: two bundles would fight over it"
            yield Mistake(entry.place("arn"), words)
        seen.setdefault(target.arn, entry.place("arn"))
    yield from _of_policy(watch.policy)


def _doubled(items: Iterable[Source | Bundle | Target], entries: Iterable[Entry]) -> Iterator[Mistake]:
    seen: dict[str, tuple[Source | Bundle | Target, Entry]] = {}
    for item, entry in zip(items, entries, strict=True):
        if item.id not in seen:
            seen[item.id] = (item, entry)
            continue
        other, where = seen[item.id]
        if not isinstance(item, Target) or not isinstance(other, Target) or item.arn == other.arn:
            if "id" in entry.own:  # the same ARN without ids is another mistake, and told as that one
                yield Mistake(entry.place("id"), f"{item.id!r} is used twice, first by {shown(where.path)}")
        elif "id" in entry.own and "id" in where.own:
            yield Mistake(entry.place("id"), f"{item.id!r} is used twice, first by {shown(where.path)}")
        else:
            # Which of them keeps the id, and so its state, is for the operator to say.
            ids = f"{arns.unmistakable_id(item.arn)} (here) or {arns.unmistakable_id(other.arn)} (there)"
            words = f"has the id {item.id!r}, as {shown(where.path)}: give the one that is new another, such as {ids}"
            yield Mistake(entry.place("id"), words)


def _of_source(source: Source, entry: Entry, stack: Stack) -> Iterator[Mistake]:
    try:
        secret = arns.parse_secret(source.credentials)
    except ValueError as error:
        yield Mistake(entry.place("credentials"), str(error))
    else:
        yield from _misplaced(entry.place("credentials"), source.credentials, secret.region, secret.account, stack)
    if not source.authorities:
        yield Mistake(entry.place("authorities"), "empty: name Genesys, DigiCert or both")
    # Whoever can write there would otherwise decide which roots are trusted.
    if source.anchors is not None and source.anchors.startswith(keys.STATE):
        folders = ", ".join(keys.STATE)
        words = f"{source.anchors!r} lies where functions write ({folders}): put it below anchors/"
        yield Mistake(entry.place("anchors"), words)
    for name, url in (("api_url", source.api_url), ("login_url", source.login_url)):
        if url is None and source.region not in REGIONS:
            words = f"missing, and {source.region!r} is not in the catalogue of Genesys Cloud regions"
            yield Mistake(entry.place(name), f"{words} ({', '.join(sorted(REGIONS))})", source.region, REGIONS)
        elif url is not None and not _is_https(url):
            yield Mistake(entry.place(name), f"{url!r} is no https:// URL")


def _is_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that do not match, or a port beyond 65535
        return False


def _unknown(path: Path, what: str, name: str, known: Collection[str]) -> Mistake:
    some = f"; there {'are' if len(known) > 1 else 'is'}: {', '.join(islice(known, _FEW))}" if known else ""
    more = f" and {len(known) - _FEW} more" if len(known) > _FEW else ""
    return Mistake(path, f"there is no {what} {name!r}{some}{more}", name, known)


def _of_bundle(
    bundle: Bundle, entry: Entry, sources: Mapping[str, Source], known: Collection[str] | None
) -> Iterator[Mistake]:
    if not bundle.sources:
        yield Mistake(entry.place("sources"), "empty: a bundle of nothing would be an empty truststore")
    if not bundle.authorities:
        yield Mistake(entry.place("authorities"), "empty: name Genesys, DigiCert or both")
    for place, source_id in enumerate(bundle.sources):
        source = sources.get(source_id)
        if source is None:
            if known is not None and source_id not in known:
                yield _unknown((*entry.place("sources"), place), "source", source_id, known)
            continue
        unseen = [authority.value for authority in bundle.authorities if authority not in source.authorities]
        if unseen:
            yield Mistake(entry.place("authorities"), f"source {source_id!r} does not read {', '.join(unseen)}")
    for place, key in enumerate(bundle.extra):
        if not (key.startswith("extra/") and key.endswith(".pem")):
            yield Mistake((*entry.place("extra"), place), f"{key!r} must be extra/<name>.pem")


def _misplaced(path: Path, arn: str, region: str, account: str, stack: Stack) -> Iterator[Mistake]:
    """The mistake of a secret in another region or account than the stack's."""
    if region != stack.region:
        words = f"{arn} is in {region}, this stack is in {stack.region}"
        yield Mistake(path, f"{words}: copy the secret into the stack's region")
    if stack.account is not None and account != stack.account:
        words = f"{arn} is of the account {account}, this stack of {stack.account}: name one of this account"
        yield Mistake(path, words)


def _in_another_region(target: Target, parsed: arns.TargetArn, entry: Entry, stack: Stack) -> Iterator[Mistake]:
    """That a target of another region has no bucket there to load from."""
    region, buckets = parsed.region, stack.elsewhere.buckets
    loads = parsed.kind.takes is Payload.CA_CERTIFICATES
    if region is None or region == stack.region or not loads or buckets is None:
        return
    own = sorted(name for name in buckets if reach.is_in(name, region))
    where = f"{target.arn} is in {region}, this stack is in {stack.region}"
    if not own:
        words = f"{where}, and RegionBucketArns names no bucket whose name ends with -{region}"
        yield Mistake(entry.place("arn"), f"{words}: add one (docs/accounts.md), or deploy a stack there too")
    elif len(own) > 1:
        words = f"{where}, and RegionBucketArns names several buckets there: {', '.join(own)}"
        yield Mistake(entry.place("arn"), f"{words}: leave one")


def _in_another_account(target: Target, parsed: arns.TargetArn, entry: Entry, stack: Stack) -> Iterator[Mistake]:
    """That a target of another account has no role that publish may take on, or one that does not fit."""
    if target.role_arn is None:
        if target.external_id is not None:
            yield Mistake(entry.place("external_id"), "there is no role_arn that would ask for it")
        if parsed.account is not None and stack.account is not None and parsed.account != stack.account:
            words = f"{target.arn} is of the account {parsed.account}, this stack of {stack.account}"
            yield Mistake(entry.place("arn"), f"{words}: name the role there as role_arn (docs/accounts.md)")
        return
    try:
        role = reach.parse_role(target.role_arn)
    except ValueError as error:
        yield Mistake(entry.place("role_arn"), str(error))
        return
    if parsed.account is not None and role.account != parsed.account:
        words = f"{target.role_arn} is of the account {role.account}, the target of {parsed.account}"
        yield Mistake(entry.place("role_arn"), f"{words}: name a role of the target's account")
    elif role.partition != parsed.partition:
        words = f"{target.role_arn} is of the partition {role.partition}, the target of {parsed.partition}"
        yield Mistake(entry.place("role_arn"), f"{words}: no role reaches across")
    known = stack.elsewhere.roles
    if known is not None and target.role_arn not in known:
        words = f"{target.role_arn} is not in the parameter TargetRoleArns, so publish may not take it on"
        yield Mistake(entry.place("role_arn"), words, target.role_arn, known)


def _of_target(target: Target, entry: Entry, known: Collection[str] | None, stack: Stack) -> Iterator[Mistake]:
    if known is not None and target.bundle not in known:
        yield _unknown(entry.place("bundle"), "bundle", target.bundle, known)
    try:
        parsed = arns.parse_target(target.arn)
    except ValueError as error:
        yield Mistake(entry.place("arn"), str(error))
        return
    for field, words in _unfit_settings(target, parsed):
        elsewhere = "; make a group of those that it is for" if entry.inherits(field) else ""
        yield Mistake(entry.place(field), f"{words}{elsewhere}")
    yield from _in_another_region(target, parsed, entry, stack)
    yield from _in_another_account(target, parsed, entry, stack)


def _unfit_settings(target: Target, parsed: arns.TargetArn) -> Iterator[tuple[str, str]]:
    """The settings that another kind of target has, and why this one has not."""
    noun = parsed.kind.noun
    if target.revocation == "crl" and parsed.kind.revocations is None:
        yield "revocation", f"this {noun} takes no revocation lists: leave it out, or write off"
    if target.bucket_account is not None and parsed.kind is not FILE_PLACE:
        yield "bucket_account", f"only a {FILE_PLACE.noun} lies in a bucket of somebody's, a {noun} does not"
    if parsed.kind.takes is not Payload.LEAVES:
        if target.empty_filters != "keep":
            yield "empty_filters", f"only a listener has identity filters, a {noun} has none"
        return
    if target.unknown == "remove":
        yield "unknown", "filters of others are never taken out of a listener: take them out by hand"
    most = parsed.kind.limits.certificates
    if target.max_certificates is not None and target.max_certificates > most:
        yield "max_certificates", f"a listener holds {most} identity filters at most"


def _is_zone(name: str) -> bool:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415  # only who writes a time zone pays for it

    try:
        ZoneInfo(name)
    except (ValueError, ZoneInfoNotFoundError, OSError):  # OSError: the name of a folder
        return False
    return True


def _of_policy(policy: Policy) -> Iterator[Mistake]:
    if policy.time_zone != "UTC" and not _is_zone(policy.time_zone):
        words = f"{policy.time_zone!r} is no time zone: write it as Europe/Zurich, or UTC"
        yield Mistake(("policy", "time_zone"), words)
    hours, path = policy.quiet_hours, ("policy", "quiet_hours")
    if hours is not None and hours.start == hours.end and not hours.weekends:
        yield Mistake(path, f"{hours.start} to {hours.end} is no time at all: leave it out, or give another end")
    elif hours is not None and 0 < (left := hours.open_minutes) < _LOUD:
        words = f"{hours.start} to {hours.end} leave {left} minute{'s' * (left > 1)} of a day, in which no run may fall"
        yield Mistake(path, f"{words}: leave {_LOUD} at least, or what waits is never told")
