"""Alerts that somebody changed a file by which people say whom to trust. No word of such a file is repeated."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from rotation_watcher.alerts.builders.subjects import Words, about_stack
from rotation_watcher.alerts.builders.templates import Template, command, versions_of
from rotation_watcher.alerts.builders.wording import common_name, count, enumerated, plain, stamp, when
from rotation_watcher.alerts.model import Alert, Kind, Severity
from rotation_watcher.clocks import Instant

_MOST = 8
"""The most lines of one sort."""
_LONG = 48
"""Characters of a name that is shown whole."""
_FEW = 3
"""The most principals that are named."""


class Named(msgspec.Struct, frozen=True):
    """A certificate by its subject (empty: not known) and its SHA-256."""

    subject: str
    fingerprint: str


class FileChange(msgspec.Struct, frozen=True, kw_only=True):
    """What was done to one file, ``at`` when. ``there``: before and now.

    ``came``, ``went`` and ``passed`` are certificates: now and not before; before and not now; neither, but meanwhile.
    ``former`` is the version that it had before (None: that is gone for good). ``certificate`` is what an approval is
    about, ``until`` and ``root`` what it says, ``unread`` why that is not known. ``by``: the ids of principals, and
    ``addresses``: as S3 said.
    """

    key: str
    at: Instant
    was_there: bool
    is_there: bool
    came: tuple[Named, ...] = ()
    went: tuple[Named, ...] = ()
    passed: tuple[Named, ...] = ()
    former: str | None = None
    certificate: Named | None = None
    until: Instant | None = None
    root: str | None = None
    unread: str = ""
    by: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()

    @property
    def verb(self) -> str:
        """What was done, as a participle."""
        if self.is_there:
            return "replaced" if self.was_there else "written"
        return "deleted" if self.was_there else "written and deleted again"


def operator_file_changed(*, change: FileChange, bucket: str, beside: FileChange | None = None, now: datetime) -> Alert:
    """One file was changed. ``beside``: the chain that was written with an approval."""
    place = f"s3://{bucket}/{change.key}"
    source = f" from {plain(', '.join(change.addresses), 60)}" if change.addresses else ""
    who = f" by {_who(change.by)}{source}" if change.by else ""
    unsaid = "" if change.by else " S3 has not said by whom."
    words = Words(
        title=f"{change.verb}{f', {count(len(change.came))} came' if change.came else ''}",
        happened=f"{_shown(change.key)} was {change.verb}{who}, on {when(change.at)}.{unsaid}",
        means=_means(change),
        do=_do(change),
        commands=(*_restore(change, bucket), *_of_whom(change.by)),
    )
    facts = {"file": plain(place, 240), "when": when(change.at)} | _facts(change)
    if beside is not None:
        facts |= {"with it": plain(beside.key, 160)} | _certificates(beside)
    return _about(_shown(change.key), f"{_known(change.key)}:{stamp(change.at)}", words, facts, now)


def operator_files_changed(
    *, changes: Sequence[FileChange], more: int = 0, bucket: str, digest: str, now: datetime
) -> Alert:
    """Many files were changed in a few minutes. ``changes`` are those that were looked into, ``more`` how many are not.

    ``digest`` names this very set.
    """
    number = len(changes) + more
    folders = sorted({f"{one.key.partition('/')[0]}/" for one in changes if "/" in one.key})
    people = tuple(dict.fromkeys(who for one in changes for who in one.by))
    by = f" by {_who(people)}" if people else ""
    coming = len(_each(one.came for one in changes))
    words = Words(
        title=f"{count(number, 'file')} changed",
        happened=(
            f"{count(number, 'file')} below {enumerated(folders) or 'the root'} changed within minutes{by}."
            f"{'' if people else ' S3 has not said by whom.'}"
        ),
        means=(
            "These files decide whom the watcher trusts."
            f" {count(coming, 'certificate')} came with those that are listed below; they count from the next run on."
        ),
        do=(
            "If that was you or a colleague, nothing. Else take away the right of who did it (OperatorArns says who may"
            " write here), and bring the files back: this lists what is there of all versions, the first of each file"
            " being the newest."
        ),
        command=command(
            "aws s3api list-object-versions --bucket {its} --prefix {prefix} --region {region} --query {query}"
            " --output text",
            its=bucket,
            prefix=folders[0] if len(folders) == 1 else "",
            query="Versions[].[Key,VersionId,LastModified,IsLatest]",
        ),
    )
    facts = {
        f"{place}. {plain(one.key, 120)}": f"{one.verb} on {when(one.at)}{f', by {_short(one.by)}' if one.by else ''}"
        for place, one in enumerate(changes[:_MOST], 1)
    }
    facts |= {"more": str(number - _MOST)} if number > _MOST else {}
    facts |= _lines("came", _each(one.came for one in changes))
    facts |= _lines("went", _each(one.went for one in changes))
    return _about("operators' files", f"files:{digest}", words, facts, now)


def _shown(key: str) -> str:
    """A key for a sentence: a fingerprint in it is cut to what people compare."""
    folder, _, name = key.rpartition("/")
    stem, dot, kind = name.partition(".")
    return plain(f"{folder}/{stem[:16]}…{dot}{kind}" if len(stem) > _LONG else key, 120)


def _known(key: str) -> str:
    """The key in an id: of a long one its beginning, and digits of its digest."""
    if len(key) <= _LONG:
        return key
    return f"{key.partition('/')[0]}/{hashlib.sha256(key.encode(errors='surrogatepass')).hexdigest()[:16]}"


def _about(about: str, distinction: str, words: Words, facts: dict[str, str], now: datetime) -> Alert:
    return about_stack(Kind.OPERATOR_FILE_CHANGED, Severity.WARNING, distinction, words, facts, now, about=about)


def _means(change: FileChange) -> str:
    folder = change.key.partition("/")[0]
    if change.unread:
        held = f"What it holds is not known: {plain(change.unread, 120)}."
    elif change.passed:
        held = f"For a while it held {count(len(change.passed))} that it holds no more (listed below)."
    elif change.came or change.went:
        held = f"{count(len(change.came))} came and {count(len(change.went))} went (listed below)."
    else:
        held = "" if folder == "approvals" or "/" not in change.key else "It holds the same certificates as before."
    return f"{held} {_effect(folder, change)}".strip()


def _effect(folder: str, change: FileChange) -> str:
    match folder:
        case "anchors":
            return (
                "Roots in there decide which certificates count as those of Genesys, from the next run of collect on."
            )
        case "extra":
            return (
                "CAs in there go into every truststore whose bundle names this file, with the next run of publish:"
                " whoever they sign for gets in."
            )
        case "approvals" if change.is_there:
            end = f"until {when(change.until)}" if change.until else "without an end"
            return f"It lets the certificate below pass the checks that it names, {end}." if not change.unread else ""
        case "approvals":
            return "A certificate that passed by it goes back into quarantine with the next run of collect."
        case _:
            return "It says what is watched, and by which rules: the next runs do what it says now."


def _typed(key: str) -> bool:
    """Whether a command can name the file."""
    return plain(key, 1024) == key


def _do(change: FileChange) -> str:
    calm = "If that was you or a colleague, nothing."
    back = {
        (True, True): "put the former version back (first command)",
        (True, False): "put the former version back (first command)",
        (False, True): "delete it (first command; its version stays)",
        (False, False): "see which alerts came since",
    }[change.was_there, change.is_there]
    if change.was_there and change.former is None:
        back = "put its former version back, if the first command still lists it, or upload the file that you keep"
    if not _typed(change.key):
        back = "put it back by hand, since no command can hold its name"
    unknown = (
        ""
        if change.by
        else " Data events of this bucket in a trail of CloudTrail name who; its event history does not list them."
    )
    whose = " The last command names the role or user of that id." if _of_whom(change.by) else ""
    return (
        f"{calm} Else {back}, and take away the right of who did it; OperatorArns says who may write here."
        f"{unknown}{whose}"
    )


def _restore(change: FileChange, bucket: str) -> tuple[Template, ...]:
    if not _typed(change.key):
        return ()
    if change.was_there and change.former is None:
        return (versions_of(bucket, change.key),)
    if change.was_there:
        return (
            command(  # the CLI encodes the source itself
                "aws s3api copy-object --bucket {its} --key {key} --copy-source {source} --region {region}",
                its=bucket,
                key=change.key,
                source=f"{bucket}/{change.key}?versionId={change.former}",
            ),
        )
    if change.is_there:
        return (
            command("aws s3api delete-object --bucket {its} --key {key} --region {region}", its=bucket, key=change.key),
        )
    return ()


def _of_whom(people: Sequence[str]) -> tuple[Template, ...]:
    """What names the role or user of the first id, where it is one of IAM's."""
    for one in people:
        known = one.removeprefix("AWS:").partition(":")[0]
        if known.isalnum() and known.startswith("AROA"):
            query = f"Roles[?RoleId==`{known}`].Arn"
            return (command("aws iam list-roles --query {query} --output text --region {region}", query=query),)
        if known.isalnum() and known.startswith("AIDA"):
            query = f"Users[?UserId==`{known}`].Arn"
            return (command("aws iam list-users --query {query} --output text --region {region}", query=query),)
    return ()


def _short(people: Sequence[str]) -> str:
    """The first of them, for a list."""
    name = people[0].removeprefix("AWS:")
    return plain(name.partition(":")[2] or name, 40)


def _who(people: Sequence[str]) -> str:
    """Principals as S3 names them: a role's session has a name, everything else an id."""
    found = []
    for one in people[:_FEW]:
        known, _, session = one.removeprefix("AWS:").partition(":")
        found.append(
            f"{plain(session, 64)} (a session of the role {plain(known, 40)})" if session else plain(known, 64)
        )
    return enumerated(found) + (f" and {len(people) - _FEW} more" if len(people) > _FEW else "")


def _facts(change: FileChange) -> dict[str, str]:
    found = {"who": _who(change.by)} if change.by else {}
    found |= {"from": plain(", ".join(change.addresses), 120)} if change.addresses else {}
    if change.certificate:
        found |= {"certificate SHA-256": plain(change.certificate.fingerprint)}
        found |= {"certificate": common_name(change.certificate.subject)} if change.certificate.subject else {}
    found |= {"until": when(change.until)} if change.until else {}
    found |= {"with the root": plain(change.root)} if change.root else {}
    return found | _certificates(change)


def _certificates(change: FileChange) -> dict[str, str]:
    return _lines("came", change.came) | _lines("went", change.went) | _lines("for a while", change.passed)


def _each(some: Iterable[Sequence[Named]]) -> list[Named]:
    """Those of all files, each once."""
    return [*dict.fromkeys(named for one in some for named in one)]


def _lines(label: str, named: Sequence[Named]) -> dict[str, str]:
    lines = {
        (f"{label} {place}" if len(named) > 1 else label): f"{common_name(one.subject)}, SHA-256 {one.fingerprint}"
        for place, one in enumerate(named[:_MOST], 1)
    }
    return lines | ({f"{label} more": f"and {len(named) - _MOST} more"} if len(named) > _MOST else {})
