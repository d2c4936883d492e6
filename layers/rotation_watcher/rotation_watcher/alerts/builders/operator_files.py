"""Alerts that somebody changed a file by which people say whom to trust. No word of such a file is repeated."""

import hashlib
import itertools
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from rotation_watcher.alerts.builders.subjects import Words, about_stack
from rotation_watcher.alerts.builders.templates import Template, command, versions_of
from rotation_watcher.alerts.builders.wording import common_name, count, enumerated, plain, stamp, when
from rotation_watcher.alerts.model import Alert, Kind, Severity
from rotation_watcher.clocks import Instant

_MOST = 8
"""The most files that are named."""
_NAMED = 20
"""The most certificates of one sort that are named."""
_BACK = 4
"""The most commands that bring files back, where many changed."""
COMMANDS = _BACK + 4
"""The most commands of an alert about many: these, and one listing for each place of an operator's files."""
_LONG = 48
"""Characters of a name that is shown whole."""
_CUT = "?versionId="
"""What the CLI takes for the end of a key in the source of a copy."""
_FEW = 3
"""The most principals that are named."""


class Named(msgspec.Struct, frozen=True):
    """A certificate by its subject (empty: not known) and its SHA-256."""

    subject: str
    fingerprint: str


class FileChange(msgspec.Struct, frozen=True, kw_only=True):
    """What was done to one file, ``at`` when. ``there``: before and now.

    ``came``, ``went`` and ``passed`` are certificates: now and not before; before and not now; neither, but meanwhile.
    ``holds``: all that it holds now, where nobody knows what it held before (None: it is known). ``skipped``: versions
    since then that were not read; ``lost``: one is deleted for good, whose content nobody knows. ``older``: it is now
    what it was before the version that was seen last; ``same``: just that one. ``claimed``: the state said wrongly that
    this was told.

    ``former`` is the version that it had before (None: that is gone for good). ``certificate`` is what an approval is
    about, ``until`` and ``root`` what it says, ``unread`` why that is not known. ``by``: the ids of principals, and
    ``addresses``: as S3 said. ``again``: what tells it from one that was told before, where its time does not.
    """

    key: str
    at: Instant
    was_there: bool
    is_there: bool
    came: tuple[Named, ...] = ()
    went: tuple[Named, ...] = ()
    passed: tuple[Named, ...] = ()
    holds: tuple[Named, ...] | None = None
    skipped: int = 0
    lost: bool = False
    older: bool = False
    same: bool = False
    claimed: bool = False
    former: str | None = None
    certificate: Named | None = None
    until: Instant | None = None
    root: str | None = None
    unread: str = ""
    by: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    again: str = ""

    @property
    def verb(self) -> str:
        """What was done, as a participle."""
        if self.is_there and self.was_there:
            return "changed and set back" if self.same else "set back to an older version" if self.older else "replaced"
        if self.is_there:
            return "brought back" if self.older else "written"
        return "deleted" if self.was_there else "written and deleted again"


def operator_file_changed(*, change: FileChange, bucket: str, beside: FileChange | None = None, now: datetime) -> Alert:
    """One file was changed. ``beside``: the chain that was written with an approval."""
    place = f"s3://{bucket}/{change.key}"
    source = f" from {plain(', '.join(change.addresses), 60)}" if change.addresses else ""
    who = f" by {_who(change.by)}{source}" if change.by else ""
    unsaid = "" if change.by else " S3 has not said by whom."
    claimed = (
        " status/files.json claimed that this was told, which it was not: somebody else has written there."
        if change.claimed
        else ""
    )
    words = Words(
        title=f"{change.verb}{_counted(change)}",
        happened=f"{_shown(change.key)} was {change.verb}{who}, on {when(change.at)}.{unsaid}{claimed}",
        means=_means(change),
        do=_do(change),
        commands=(*_restore(change, bucket), *_of_whom(change.by)),
    )
    facts = {"file": plain(place, 240), "when": when(change.at)} | _facts(change)
    if beside is not None:
        facts |= {"with it": plain(beside.key, 160)} | _certificates(beside)
    distinction = f"{_known(change.key)}:{stamp(change.at)}{f':{change.again}' if change.again else ''}"
    return _about(_shown(change.key), distinction, words, facts, now)


def operator_files_changed(
    *,
    changes: Sequence[FileChange],
    more: int,
    beyond: bool = False,
    people: Sequence[str] = (),
    bucket: str,
    digest: str,
    now: datetime,
) -> Alert:
    """Many files were changed. ``changes`` were looked into, what matters most first; ``more``: how many were not.

    ``beyond``: some changed of those that are not known one by one. ``people`` are named by S3 for all of them.
    ``digest`` names this very set.
    """
    number = len(changes) + more
    folders = sorted({f"{one.key.partition('/')[0]}/" for one in changes if "/" in one.key})
    people = tuple(dict.fromkeys([who for one in changes for who in one.by] + [*people]))
    by = f" by {_who(people)}" if people else ""
    without_room = " Others changed too, of which there are too many to know one by one." if beyond else ""
    left = f" {len(changes)} of them were looked into, the next runs tell the other {more}." if more else ""
    claimed = " status/files.json claimed that some of it was told." if any(one.claimed for one in changes) else ""
    back: list[tuple[Template, ...]] = []
    for lines in (_restore(one, bucket) for one in changes if not _lists(one)):
        if lines and sum(map(len, back)) + len(lines) <= _BACK:
            back.append(lines)
    words = Words(
        title=f"{count(number, 'file') if number else 'files'} changed",
        happened=(
            f"{count(number, 'file')} below {enumerated(folders) or 'the root'} changed{by}."
            f"{'' if people else ' S3 has not said by whom.'}{left}{without_room}{claimed}"
        ),
        means=f"These files decide whom the watcher trusts. {_all_held(changes)}",
        do=(
            "If that was you or a colleague, nothing. Else take away the right of who did it (OperatorArns says who may"
            f" write here), and bring the files back.{_how_back(len(back))}"
        ),
        commands=(
            *(one for lines in back for one in lines),
            *(_listing(bucket, one) for one in _places(changes)[: COMMANDS - _BACK]),
        ),
    )
    facts = {
        f"{place}. {plain(one.key, 120)}": f"{one.verb} on {when(one.at)}{f', by {_short(one.by)}' if one.by else ''}"
        for place, one in enumerate(changes[:_MOST], 1)
    }
    unlisted = number - len(changes[:_MOST])
    facts |= {"more": str(unlisted)} if unlisted else {}
    for label, of in _SORTS:
        facts |= _lines(label, _each([of(one) for one in changes]))
    return _about("operators' files", f"files:{digest}", words, facts, now)


_SORTS: tuple[tuple[str, Callable[[FileChange], Sequence[Named]]], ...] = (
    ("came", lambda one: one.came),
    ("holds", lambda one: one.holds or ()),
    ("went", lambda one: one.went),
    ("for a while", lambda one: one.passed),
)


def _all_held(changes: Sequence[FileChange]) -> str:
    came, holds, went, passed = (len(_each([of(one) for one in changes])) for _, of in _SORTS)
    known = f"{count(came)} came, {went} went and {passed} {'was' if passed == 1 else 'were'} there for a while"
    unknown = sum(bool((one.unread and not one.certificate) or one.skipped or one.lost) for one in changes)
    return (
        f"In those that were looked into {known}; what came counts from the next run on."
        + (f" {count(holds)} more lie where nobody knows what lay there before." if holds else "")
        + (f" Of {count(unknown, 'file')} not all is known that was there meanwhile." if unknown else "")
    )


def _how_back(files: int) -> str:
    first = {0: "", 1: " The first command does so with the first file that can be."}.get(
        files, f" The first commands do so with {files} of them, what matters most first."
    )
    return f"{first} Below stands what lists all versions and deletions, the newest of each file first."


def _places(changes: Sequence[FileChange]) -> list[str]:
    """What to list: the folders, and a file that lies in none."""
    return sorted({f"{one.key.partition('/')[0]}/" if "/" in one.key else one.key for one in changes})


def _listing(bucket: str, prefix: str) -> Template:
    row = "[Key,VersionId,LastModified,IsLatest"
    query = f'[(Versions||`[]`)[].{row}],(DeleteMarkers||`[]`)[].{row},`"deletion"`]][]'
    return command(
        "aws s3api list-object-versions --bucket {its} --prefix {prefix} --region {region} --query {query}"
        " --output text",
        its=bucket,
        prefix=prefix,
        query=query,
    )


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


def _counted(change: FileChange) -> str:
    """How many certificates came and went, behind a title."""
    came = f", {count(len(change.came))} came" if change.came else ""
    if not change.went:
        return came
    return f"{came} and {len(change.went)} went" if came else f", {count(len(change.went))} went"


def _means(change: FileChange) -> str:
    return f"{_held(change)} {_effect(change.key.partition('/')[0], change)}".strip()


def _held(change: FileChange) -> str:
    """What is known of its content, and what is not."""
    found = [f"What it holds is not known: {plain(change.unread, 120)}."] if change.unread else []
    if change.older:
        gone = (
            "The version that was the newest is deleted for good." if change.was_there else "Its deletion was undone."
        )
        found.append(gone)
    if change.holds is not None:
        found.append(f"What it held before nobody knows any more; now it holds {count(len(change.holds))}.")
    if change.came or change.went:
        found.append(f"{count(len(change.came))} came and {count(len(change.went))} went (listed below).")
    if change.passed:
        found.append(f"For a while it held {count(len(change.passed))} that it holds no more (listed below).")
    if change.skipped:
        verb = "was" if change.skipped == 1 else "were"
        found.append(f"{count(change.skipped, 'version')} that it had meanwhile {verb} not read.")
    if change.lost:
        found.append("A version that it had meanwhile is deleted for good: what that held nobody knows.")
    if not found and not change.key.startswith("approvals/") and "/" in change.key:
        found.append(_no_difference(change))
    return " ".join(found)


def _no_difference(change: FileChange) -> str:
    if change.was_there and change.is_there:
        return "It holds the same certificates as before."
    return "It holds no certificate." if change.is_there else "It held no certificate."


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
        case _ if change.is_there:
            return (
                "It says what is watched, and by which rules: the next runs do what it says now, unless it is refused,"
                " which an alert of its own says."
            )
        case _:
            return "The watcher goes on with the last one that it accepted, until there is one again."


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
    if change.same:
        back = "see what the first command lists of it, and which alerts came since"
    if not _typed(change.key):
        back = f"{'put it back' if change.was_there else 'delete it'} by hand, since no command can hold its name"
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


def _lists(change: FileChange) -> bool:
    """Whether no command puts it back: the one that there is lists its versions."""
    return change.was_there and (change.former is None or change.same)


def _restore(change: FileChange, bucket: str) -> tuple[Template, ...]:
    if not _typed(change.key):
        return ()
    if _lists(change):
        return (versions_of(bucket, change.key),)
    if change.was_there and _CUT in change.key:
        file = "former-version"
        its = {"its": bucket, "key": change.key, "file": file}
        get = "aws s3api get-object --bucket {its} --key {key} --version-id {former} --region {region} {file}"
        put = "aws s3api put-object --bucket {its} --key {key} --body {file} --region {region}"
        return (command(get, former=change.former or "", **its), command(put, **its))
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
    found: dict[str, str] = {}
    for label, of in _SORTS:
        found |= _lines(label, of(change))
    return found


def _each(some: Sequence[Sequence[Named]]) -> list[Named]:
    """Those of all files, each once; one of each file before the second of any: no file hides another's."""
    in_turn = (named for turn in itertools.zip_longest(*some) for named in turn if named is not None)
    return [*{named.fingerprint: named for named in in_turn}.values()]


def _lines(label: str, named: Sequence[Named]) -> dict[str, str]:
    lines = {
        (f"{label} {place}" if len(named) > 1 else label): f"{common_name(one.subject)}, SHA-256 {one.fingerprint}"
        for place, one in enumerate(named[:_NAMED], 1)
    }
    return lines | ({f"{label} more": f"and {len(named) - _NAMED} more"} if len(named) > _NAMED else {})
