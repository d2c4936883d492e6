"""How a watch file is written: shorter than what it says, by defaults, groups, and targets that are bare ARNs.

``expand`` makes the document of ``watch_model.Watch`` of it, so that nothing else knows of groups. What a target says
itself comes before its group, and that before the defaults; a list replaces a list. Where no id is given, it follows
from the ARN alone (``arns.own_id``): what else is listed, and in which order, never changes it. Two that come out alike
are a mistake, and one of them has to be given an id.
"""

from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from rotation_watcher import arns
from rotation_watcher.watch_mistakes import Mistake, Path
from rotation_watcher.watch_model import Bundle, Id, Mode, Policy, Source, Target

_ITEMS: Mapping[str, type[msgspec.Struct]] = {"sources": Source, "bundles": Bundle, "targets": Target}
_OWN = {
    "sources": ("id", "region", "client_name", "anchors", "api_url", "login_url"),
    "bundles": ("id",),
    "targets": ("id", "arn"),
}
"""What belongs to one of them alone, so that defaults and groups cannot say it."""
_NEEDED = {"sources": ("id", "region"), "bundles": ("id",), "targets": ("arn",)}
"""What each says itself; what the model needs besides may come from a group or the defaults."""


def _fields(model: type[msgspec.Struct], *, needed: Collection[str] = (), without: Collection[str] = ()) -> list[Any]:
    """The fields of a model for ``msgspec.defstruct``, only ``needed`` ones required."""
    found: list[Any] = []
    for field in _fields_of(model):
        if field.name in needed:
            found.insert(0, (field.name, field.type))
        elif field.name not in without and field.required:
            found.append((field.name, field.type | UnsetType, UNSET))
        elif field.name not in without:
            found.append((field.name, field.type, field.default))
    return found


@cache
def _fields_of(model: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    """Kept: msgspec evaluates the annotations for each answer."""
    return msgspec.structs.fields(model)


def _form(name: str, words: str, fields: list[Any]) -> type[msgspec.Struct]:
    return msgspec.defstruct(
        name, fields, namespace={"__doc__": words}, frozen=True, kw_only=True, forbid_unknown_fields=True
    )


def _item(name: str) -> type[msgspec.Struct]:
    model = _ITEMS[name]
    return _form(model.__name__, (model.__doc__ or "").partition("\n")[0], _fields(model, needed=_NEEDED[name]))


def _settings(name: str) -> list[Any]:
    return _fields(_ITEMS[name], without=_OWN[name])


def _about(kind: Any, words: str) -> Any:
    return Annotated[kind, Meta(description=words)]


_Target = _item("targets")
_TARGETS = tuple[str | _Target, ...]  # type: ignore[valid-type]  # made at run time, as all forms
_Group = _form(
    "Group",
    "Targets that have settings in common.",
    [
        ("targets", _about(_TARGETS, "Its targets: ARNs, or objects where one has settings or an id of its own.")),
        *_settings("targets"),
    ],
)
_Defaults = _form(
    "Defaults",
    "What holds wherever an entry, or its group, does not say it.",
    [
        (
            name,
            _about(_form(f"{_ITEMS[name].__name__}Defaults", f"Of {name}.", _settings(name)) | UnsetType, words),
            UNSET,
        )
        for name, words in (
            ("sources", "For every source."),
            ("bundles", "For every bundle."),
            ("targets", "For every target, in groups too."),
        )
    ],
)
WatchFile = _form(
    "Watch",
    "The whole watch file.",
    [
        (
            "schema",
            _about(str | UnsetType, "The address of this schema, for editors; nothing else reads it."),
            msgspec.field(default=UNSET, name="$schema"),
        ),
        ("mode", _about(Mode, "observe reads, plans and alerts; apply also changes the targets."), Mode.OBSERVE),
        ("sources", _about(tuple[_item("sources"), ...], "The Genesys Cloud regions to read.")),  # type: ignore[misc]
        ("bundles", _about(tuple[_item("bundles"), ...], "The sets of CA certificates to make."), ()),  # type: ignore[misc]
        ("targets", _about(_TARGETS, "What to keep up to date: ARNs, or objects with settings."), ()),
        ("groups", _about(dict[Id, _Group], "Further targets, by the name of their group."), {}),  # type: ignore[valid-type]
        ("defaults", _about(_Defaults | UnsetType, "Settings for all that do not say otherwise."), UNSET),
        (
            "policy",
            _about(Policy, "When changes are announced, certificates removed and alerts raised."),
            Policy(),
        ),
    ],
)
"""The file as it is written: what the JSON Schema describes."""


class Entry(msgspec.Struct, frozen=True):
    """One source, bundle or target as it is written, and whose settings it inherits, the nearest first."""

    path: Path
    own: Mapping[str, Any]
    inherited: tuple[tuple[Path, Mapping[str, Any]], ...]
    bare: bool = False

    def place(self, field: str) -> Path:
        """Where the value of a field is written; of what is written nowhere, where it belongs."""
        if field not in self.own:
            for path, settings in self.inherited:
                if field in settings:
                    return (*path, field)
        return self.path if self.bare else (*self.path, field)

    def inherits(self, field: str) -> bool:
        """Whether a group or the defaults give the field."""
        return field not in self.own and any(field in settings for _, settings in self.inherited)

    @property
    def whole(self) -> dict[str, Any]:
        """All that is said of it."""
        found: dict[str, Any] = {}
        for _, settings in reversed(self.inherited):
            found |= settings
        return {**found, **self.own}


class Expanded(msgspec.Struct, frozen=True):
    """The document of the model, where each of its entries is written, and the ids that the file has at all.

    ``known``: ids of sources and bundles, also of those that are mistaken; None where the list itself cannot be read.
    """

    document: dict[str, Any]
    entries: Mapping[str, list[Entry]]
    known: Mapping[str, Collection[str] | None]


def mistakes(document: object) -> list[Mistake]:
    """Every mistake of shape, none where the document is such a file."""
    missing = [*_missing(document)]
    try:
        msgspec.convert(document, WatchFile)
    except msgspec.ValidationError as error:
        from rotation_watcher import watch_shape  # noqa: PLC0415  # only where there is a mistake

        return [*watch_shape.mistakes(document, WatchFile, str(error)), *missing]
    return missing


def expand(document: object, mistaken: Collection[Mistake] = ()) -> Expanded:
    """All that is written and has no mistake of shape."""
    spoiled = {one.path[:length] for one in mistaken for length in range(len(one.path) + 1)}
    whole = document if isinstance(document, dict) else {}
    entries = {name: [one for one in _entries(whole, name) if one.path not in spoiled] for name in _ITEMS}
    made: dict[str, Any] = {
        name: whole[name] for name in ("mode", "policy") if name in whole and (name,) not in spoiled
    }
    for name, model in _ITEMS.items():
        kept = [msgspec.structs.replace(one, inherited=_sound(one, spoiled)) for one in entries[name]]
        entries[name] = [one for one in kept if one.whole.keys() >= _required(model).keys() - {"id"}]
        made[name] = [_with_id(one.whole) for one in entries[name]]
    known = {name: _ids(whole.get(name, [] if name == "bundles" else None)) for name in ("sources", "bundles")}
    return Expanded(made, entries, known)


def _with_id(item: dict[str, Any]) -> dict[str, Any]:
    return item if "id" in item else {"id": arns.own_id(item["arn"]), **item}


def _sound(entry: Entry, spoiled: Collection[Path]) -> tuple[tuple[Path, Mapping[str, Any]], ...]:
    return tuple(
        (path, {field: value for field, value in settings.items() if (*path, field) not in spoiled})
        for path, settings in entry.inherited
    )


def _ids(items: object) -> Collection[str] | None:
    if not isinstance(items, (list, tuple)):
        return None
    ids = (item.get("id") for item in items if isinstance(item, dict))
    return dict.fromkeys(one for one in ids if isinstance(one, str))


def _entries(whole: Mapping[str, Any], name: str) -> Iterator[Entry]:
    """Each entry of a kind, in the order of the file, those of groups last; what is no entry at all is passed over."""
    defaults = _part(_part(whole, "defaults"), name)
    inherited = (((("defaults", name), defaults)),) if defaults else ()
    yield from _listed(whole.get(name), (name,), inherited)
    if name == "targets":
        for group, content in _part(whole, "groups").items():
            if isinstance(content, dict):
                settings = {key: value for key, value in content.items() if key != "targets"}
                path = ("groups", group)
                yield from _listed(content.get("targets"), (*path, "targets"), ((path, settings), *inherited))


def _listed(items: object, path: Path, inherited: tuple[tuple[Path, Mapping[str, Any]], ...]) -> Iterator[Entry]:
    for index, item in enumerate(items if isinstance(items, (list, tuple)) else ()):
        if isinstance(item, dict):
            yield Entry((*path, index), item, inherited)
        elif isinstance(item, str) and path[-1] == "targets":
            yield Entry((*path, index), {"arn": item}, inherited, bare=True)


def _part(whole: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = whole.get(name)
    return found if isinstance(found, dict) else {}


@cache
def _required(model: type[msgspec.Struct]) -> dict[str, None]:
    """The names of the fields that a model needs, in its order."""
    return {field.encode_name: None for field in _fields_of(model) if field.required}


def _missing(document: object) -> Iterator[Mistake]:
    """What the model needs, and neither an entry nor what it inherits says."""
    whole = document if isinstance(document, dict) else {}
    if whole.get("sources") in ([], ()):
        yield Mistake(("sources",), "empty: name at least one Genesys Cloud region")
    for name, model in _ITEMS.items():
        may = [one for one in _required(model) if one not in _OWN[name]]
        for entry in _entries(whole, name):
            said = entry.whole
            for field in may:
                if field not in said:
                    where = "its group, or defaults.targets" if entry.path[0] == "groups" else f"defaults.{name}"
                    yield Mistake((*entry.path, field) if not entry.bare else entry.path, _lacks(field, where, entry))


def _lacks(field: str, where: str, entry: Entry) -> str:
    return f"its {field} is missing: say it in {where}" if entry.bare else f"missing: say it here, or in {where}"
