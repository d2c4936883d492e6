"""What an edited watch file changes: against what is in use, by what it says, before anything is read or planned.

Targets are matched by their ARNs, to which what they hold belongs; sources and bundles by their ids.
"""

import textwrap
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from rotation_watcher import arns
from rotation_watcher.alerts.builders.wording import count, plain
from rotation_watcher.config import Bundle, Source, Target, Watch
from rotation_watcher.kinds import FILE_PLACE

_SHOWN = 12
"""How many names stand behind a change that many entries share; --json has all."""
_ANOTHER_ID = (
    "with another id: what is known of it goes on, since state is the ARN's. What is open is told to be over by the"
    " former id, and anew by this one"
)


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A setting, what it was and what it becomes, as the file says it."""

    field: str
    old: Any
    new: Any


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One source, bundle or target (``kind``) that comes, goes or changes.

    ``settings``: of what comes, whatever is not as by default; ``changes``: of what stays.
    """

    kind: str
    id: str
    arn: str = ""
    label: str = ""
    settings: Mapping[str, Any] = {}
    changes: tuple[Change, ...] = ()


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """All that an edit changes; ``against`` says what it is compared with.

    ``settings``: the mode and the policy. ``not_granted``: ARNs that the stack's parameters do not name yet and must;
    ``by_tag``: those of targets that need not be named where they bear ``tag`` (``key=value``). ``unwatched``: targets
    that the parameters name and the file does not, so that nobody looks at them.
    """

    against: str
    added: tuple[Entry, ...] = ()
    removed: tuple[Entry, ...] = ()
    changed: tuple[Entry, ...] = ()
    settings: tuple[Change, ...] = ()
    not_granted: Mapping[str, Sequence[str]] = {}
    by_tag: Sequence[str] = ()
    tag: str = ""
    unwatched: Sequence[str] = ()

    @property
    def changes(self) -> bool:
        """Whether the file says anything else than before."""
        return bool(self.added or self.removed or self.changed or self.settings)


class Tagged(msgspec.Struct, frozen=True):
    """A stack that may change what bears ``tag`` (``key=value``) in its own account and ``region``."""

    tag: str
    region: str

    def permits(self, arn: str) -> bool:
        """Whether the tag would do for a target of the stack's account. S3 knows no such tag of a place for files."""
        target = arns.parse_target(arn)
        return target.region in {None, self.region} and target.kind is not FILE_PLACE


type _Item = Source | Bundle | Target


def compare(
    before: Watch | None,
    after: Watch,
    against: str,
    granted: Mapping[str, Iterable[str]],
    tagged: Tagged | None = None,
) -> Edit:
    """What changes. ``before`` None: nothing is in use. ``granted``: ARNs by the parameter that names them.

    ``tagged`` None: the stack permits nothing by a tag.
    """
    added: list[Entry] = []
    removed: list[Entry] = []
    changed: list[Entry] = []
    for kind in ("source", "bundle", "target"):
        old, new = _by_key(before, kind), _by_key(after, kind)
        added += [_entry(kind, item, settings=_said(item)) for key, item in new.items() if key not in old]
        removed += [_entry(kind, item) for key, item in old.items() if key not in new]
        for key, item in new.items():
            if key in old and (changes := tuple(_changes(old[key], item))):
                changed.append(_entry(kind, item, changes=changes))
    used = {
        "CredentialArns": [source.credentials for source in after.sources],
        "TargetArns": [target.arn for target in after.targets if target.role_arn is None],
    }
    missing = {
        name: [*dict.fromkeys(arn for arn in used[name] if arn not in {*known})] for name, known in granted.items()
    }
    named = {target.arn for target in after.targets}
    by_tag = [arn for arn in missing.get("TargetArns", ()) if tagged and tagged.permits(arn)]
    if by_tag:
        missing["TargetArns"] = [arn for arn in missing["TargetArns"] if tagged and not tagged.permits(arn)]
    return Edit(
        against=against,
        added=tuple(added),
        removed=tuple(removed),
        changed=tuple(changed),
        settings=tuple(_of_all(before, after)) if before else (),
        not_granted={name: listed for name, listed in missing.items() if listed},
        by_tag=by_tag,
        tag=tagged.tag if tagged and by_tag else "",
        unwatched=[arn for arn in granted.get("TargetArns", ()) if arn not in named],
    )


def _by_key(watch: Watch | None, kind: str) -> dict[str, _Item]:
    items: Sequence[_Item] = getattr(watch, f"{kind}s") if watch else ()
    return {item.arn if isinstance(item, Target) else item.id: item for item in items}


def _entry(kind: str, item: _Item, **more: Any) -> Entry:
    if isinstance(item, Target):
        more |= {"arn": item.arn, "label": arns.parse_target(item.arn).label}
    return Entry(kind=kind, id=item.id, **more)


def _said(item: _Item) -> dict[str, Any]:
    """What is not as by default; a target's ARN and every id stand elsewhere."""
    fields = {field.name: field for field in msgspec.structs.fields(item)}
    return {
        name: value
        for name, value in _values(item).items()
        if name not in {"id", "arn"} and (fields[name].required or getattr(item, name) != fields[name].default)
    }


def _values(item: msgspec.Struct) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(item)
    return found


def _changes(old: msgspec.Struct, new: msgspec.Struct, path: str = "") -> Iterator[Change]:
    for name, value in _values(new).items():
        former, now = getattr(old, name), getattr(new, name)
        if isinstance(former, msgspec.Struct) and isinstance(now, msgspec.Struct):
            yield from _changes(former, now, f"{path}{name}.")
        elif former != now:
            yield Change(field=f"{path}{name}", old=_values(old)[name], new=value)


def _of_all(before: Watch, after: Watch) -> Iterator[Change]:
    if before.mode != after.mode:
        yield Change(field="mode", old=before.mode.value, new=after.mode.value)
    yield from _changes(before.policy, after.policy, "policy.")


def text(edit: Edit, width: int) -> list[str]:
    """The edit as lines: first how many of each, then what is alike together."""
    lines = [f"watch file: {_summary(edit)} ({edit.against})"]
    for change in edit.settings:
        lines += _wrapped("~", _words(change), width)
    for sign, entries in (("+", edit.added), ("-", edit.removed), ("~", edit.changed)):
        for (kind, about), alike in _alike(entries).items():
            lines += _block(sign, kind, about, [_name(one) for one in alike], width)
    renamed = [one.id for one in edit.changed if any(change.field == "id" for change in one.changes)]
    if renamed:
        lines += _wrapped("!", f"{count(len(renamed), 'target')} {_ANOTHER_ID}", width)
    for name, listed in edit.not_granted.items():
        lines += _wrapped("!", f"{name} of the stack lacks {_some(listed)}: deploy with them first", width)
    if edit.unwatched:
        words = f"TargetArns of the stack names what the file does not, so nobody watches it: {_some(edit.unwatched)}"
        lines += _wrapped("!", words, width)
    if edit.by_tag:
        lines += _wrapped("!", f"must bear the tag {edit.tag}: {_some(edit.by_tag)}", width)
    return [*lines, ""]


def _block(sign: str, kind: str, about: str, names: Sequence[str], width: int) -> list[str]:
    """What is alike: the only name in its line, or how many there are, and the first names below."""
    stays = "; watched no longer, what it holds stays" if sign == "-" and kind == "target" else ""
    if len(names) == 1:
        return _wrapped(sign, f"{kind} {names[0]}{about}{stays}", width)
    head = _wrapped(sign, f"{count(len(names), kind)}{about}{stays}", width)
    return [*head, *_wrapped(" ", _some(names), width)]


def _some(names: Sequence[str]) -> str:
    return f"{', '.join(names[:_SHOWN])}{f' and {len(names) - _SHOWN} more' if len(names) > _SHOWN else ''}"


def _summary(edit: Edit) -> str:
    if not edit.changes:
        return "nothing changes"
    kinds = ("target", "bundle", "source")
    counted = [
        f"{count(number, kind)} {verb}"
        for kind in kinds
        for verb, entries in (("added", edit.added), ("removed", edit.removed), ("changed", edit.changed))
        if (number := sum(one.kind == kind for one in entries))
    ]
    settings = len(edit.settings)
    return ", ".join([*counted, *([f"{count(settings, 'setting')} changed"] if settings else [])])


def _alike(entries: Iterable[Entry]) -> dict[tuple[str, str], list[Entry]]:
    """Entries by what there is to say of them."""
    found: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for one in entries:
        said = [f"{name} {_value(value)}" for name, value in one.settings.items()] + [
            _words(each) for each in one.changes
        ]
        found[one.kind, f": {', '.join(said)}" if said else ""].append(one)
    return dict(sorted(found.items(), key=lambda each: ("source", "bundle", "target").index(each[0][0])))


def _name(entry: Entry) -> str:
    return f"{entry.id} ({plain(entry.label, 120)})" if entry.label else entry.id


def _words(change: Change) -> str:
    return f"{change.field} {_value(change.old)} → {_value(change.new)}"


def _value(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_value(each) for each in value)}]"
    if value is None:
        return "by default"
    return plain(value if isinstance(value, str) else msgspec.json.encode(value).decode(), 200)


def _wrapped(sign: str, words: str, width: int) -> list[str]:
    return textwrap.wrap(
        words,
        max(width, 40),
        initial_indent=f"  {sign} ",
        subsequent_indent="      ",
        break_long_words=False,
        break_on_hyphens=False,
    )
