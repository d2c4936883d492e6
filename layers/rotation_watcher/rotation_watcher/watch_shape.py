"""Every mistake of type and shape of a document, each with what belongs there: msgspec reports the first one alone."""

import re
from collections.abc import Iterator
from typing import Any

from msgspec import inspect

from rotation_watcher.watch_mistakes import Mistake, Path, quoted

_NOUNS: tuple[tuple[type, str], ...] = (
    (inspect.StrType, "a text"),
    (inspect.BoolType, "true or false"),
    (inspect.IntType, "a whole number"),
    (inspect.FloatType, "a number"),
    (inspect.CollectionType, "a list"),
    (inspect.StructType, "an object"),
    (inspect.DictType, "an object"),
    (inspect.EnumType, "a text"),
    (inspect.LiteralType, "a text"),
    (inspect.NoneType, "nothing"),
)


def mistakes(document: object, form: Any, first: str) -> list[Mistake]:
    """Every mistake of a document that ``form`` refuses; ``first`` is msgspec's own word for the first one."""
    found = [*_of_value((), document, inspect.type_info(form), "")]
    return found or [Mistake((), first)]


def _of_value(path: Path, value: object, kind: inspect.Type, words: str) -> Iterator[Mistake]:
    while isinstance(kind, inspect.Metadata):
        words = (kind.extra_json_schema or {}).get("patternErrorMessage", words)
        kind = kind.type
    if isinstance(kind, inspect.UnionType):
        yield from _of_union(path, value, kind, words)
    elif isinstance(kind, inspect.StructType) and isinstance(value, dict):
        yield from _of_struct(path, value, kind)
    elif isinstance(kind, inspect.CollectionType) and isinstance(value, list):
        for index, one in enumerate(value):
            yield from _of_value((*path, index), one, kind.item_type, "")
    elif isinstance(kind, inspect.DictType) and isinstance(value, dict):
        for name, one in value.items():
            yield from _of_value((*path, name), name, kind.key_type, "")
            yield from _of_value((*path, name), one, kind.value_type, "")
    elif isinstance(kind, (inspect.EnumType, inspect.LiteralType)):
        yield from _of_choice(path, value, _choices(kind))
    elif text := _of_plain(value, kind, words):
        yield Mistake(path, text)


def _of_union(path: Path, value: object, kind: inspect.UnionType, words: str) -> Iterator[Mistake]:
    """By that type of the union which the value is meant to be."""
    kinds = [one for one in kind.types if not isinstance(_bare(one), inspect.NoneType)]
    if value is None and len(kinds) < len(kind.types):
        return
    fitting = [one for one in kinds if _fits(value, _bare(one))]
    if not fitting and len(kinds) > 1:
        yield Mistake(path, f"must be {' or '.join(_noun(_bare(one)) for one in kinds)}, found {_found(value)}")
        return
    yield from _of_value(path, value, (fitting or kinds)[0], words)


def _bare(kind: inspect.Type) -> inspect.Type:
    return _bare(kind.type) if isinstance(kind, inspect.Metadata) else kind


def _fits(value: object, kind: inspect.Type) -> bool:
    """Whether a value is of the sort of a type, whatever it says."""
    noun = _noun(kind)
    return {"a text": str, "a list": list, "an object": dict}.get(noun, object) is type(value)


def _of_struct(path: Path, value: dict[str, Any], kind: inspect.StructType) -> Iterator[Mistake]:
    fields = {field.encode_name: field for field in kind.fields}
    for name in value:
        if name not in fields:
            yield Mistake((*path, name), f"unknown; known here: {', '.join(fields)}", name, fields)
    for name, field in fields.items():
        if name in value:
            yield from _of_value((*path, name), value[name], field.type, "")
        elif field.required:
            yield Mistake((*path, name), "missing")


def _of_plain(value: object, kind: inspect.Type, words: str) -> str:
    """What is wrong with a value that holds no others; empty: nothing."""
    if isinstance(kind, inspect.StrType) and isinstance(value, str):
        return _of_text(value, kind, words)
    if isinstance(kind, (inspect.IntType, inspect.FloatType)):
        known = int if isinstance(kind, inspect.IntType) else (int, float)  # msgspec takes no 30.0 for a whole one
        if isinstance(value, known) and not isinstance(value, bool):
            inside = (kind.ge is None or value >= kind.ge) and (kind.le is None or value <= kind.le)
            return "" if inside else f"must be {_noun(kind)} from {kind.ge} to {kind.le}, found {value}"
    elif isinstance(kind, inspect.BoolType) and isinstance(value, bool):
        return ""
    said = quoted(value) if isinstance(kind, inspect.BoolType) and isinstance(value, str) else _found(value)
    return f"must be {_noun(kind)}{words and f', {words}'}, found {said}"


def _choices(kind: inspect.EnumType | inspect.LiteralType) -> list[str]:
    return [one.value for one in kind.cls] if isinstance(kind, inspect.EnumType) else [str(one) for one in kind.values]


def _of_choice(path: Path, value: object, choices: list[str]) -> Iterator[Mistake]:
    if value not in choices:
        text = isinstance(value, str)
        said = f"{quoted(value) if text else _found(value)} is not one of {', '.join(choices)}"
        yield Mistake(path, said, str(value) if text else "", choices)


def _of_text(value: str, kind: inspect.StrType, words: str) -> str:
    if kind.pattern is not None and not re.search(kind.pattern, value):
        return f"{quoted(value)} is not {words or f'of the form {kind.pattern}'}"
    least, most = kind.min_length or 0, kind.max_length or len(value)
    return "" if least <= len(value) <= most else f"must have {least} to {most} characters, found {len(value)}"


def _noun(kind: inspect.Type) -> str:
    return next((words for known, words in _NOUNS if isinstance(kind, known)), "something else")


def _found(value: object) -> str:
    """A value of the wrong sort, for people. A text is not repeated: it could be a secret."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"the number {quoted(value).strip(chr(39))}"
    return "a text" if isinstance(value, str) else "a list" if isinstance(value, list) else "an object"
