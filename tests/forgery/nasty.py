"""Every field of a persisted object, forged: generated from the msgspec types, so that a field added later is too."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import inspect as mi

FAR, LONG_AGO = datetime(2099, 1, 1, tzinfo=UTC), datetime(1971, 1, 1, tzinfo=UTC)


def forged(value: Any, lures: tuple[str, ...], samples: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    """The value with one field forged, and that field's path. ``lures`` are texts that lead to something bad.

    ``samples`` are instances to put where a type is optional, or in a collection of it.
    """
    yield from _forged(value, mi.type_info(type(value)), "", lures, samples)


def _forged(
    value: Any, kind: mi.Type, path: str, lures: tuple[str, ...], samples: Mapping[Any, Any]
) -> Iterator[tuple[str, Any]]:
    match kind:
        case mi.Metadata():
            yield from _forged(value, kind.type, path, lures, samples)
        case mi.UnionType():
            yield from _optional(value, kind, path, lures, samples)
        case mi.StructType():
            if not isinstance(value, kind.cls):
                return
            yield from ((path, one) for one in _samples(kind, samples) if one != value and path)
            for field in kind.fields:
                below = _forged(getattr(value, field.name), field.type, f"{path}.{field.name}", lures, samples)
                for where, one in below:
                    yield where, msgspec.structs.replace(value, **{field.name: one})
        case mi.VarTupleType():
            yield from _tuple(value, kind, path, lures, samples)
        case mi.DictType():
            yield from _mapping(value, kind, path, lures, samples)
        case _:
            for index, one in enumerate(_plain(value, kind, lures)):
                yield f"{path}:{index}", one


def _optional(
    value: Any, kind: mi.UnionType, path: str, lures: tuple[str, ...], samples: Mapping[Any, Any]
) -> Iterator[tuple[str, Any]]:
    for each in kind.types:
        if isinstance(each, mi.NoneType):
            if value is not None:
                yield f"{path}:none", None
        elif value is not None:
            yield from _forged(value, each, path, lures, samples)
        elif isinstance(each, mi.StructType):
            for index, one in enumerate(_samples(each, samples)):
                yield f"{path}:sample{index}", one
        else:
            yield from _forged(None, each, path, lures, samples)


def _tuple(
    value: Any, kind: mi.VarTupleType, path: str, lures: tuple[str, ...], samples: Mapping[Any, Any]
) -> Iterator[tuple[str, Any]]:
    if value:
        yield f"{path}:empty", ()
        for index, each in enumerate(value):
            for where, one in _forged(each, kind.item_type, f"{path}[{index}]", lures, samples):
                yield where, (*value[:index], one, *value[index + 1 :])
    if isinstance(kind.item_type, mi.StrType):
        yield f"{path}:all", lures
        yield f"{path}:more", (*(value or ()), *lures)
    for index, one in enumerate(_samples(kind.item_type, samples)):
        yield f"{path}:first{index}", (one, *(value or ()))


def _mapping(
    value: Any, kind: mi.DictType, path: str, lures: tuple[str, ...], samples: Mapping[Any, Any]
) -> Iterator[tuple[str, Any]]:
    if value:
        yield f"{path}:empty", {}
    for key, each in (value or {}).items():
        for where, one in _forged(each, kind.value_type, f"{path}[{key[:12]}]", lures, samples):
            yield where, {**value, key: one}
        for lure in lures:
            yield f"{path}[{key[:12]}]->{lure[:12]}", {lure: each}
    extra = _samples(kind.value_type, samples) or [
        one for one in _plain(None, kind.value_type, lures) if one is not None
    ]
    if isinstance(kind.value_type, mi.VarTupleType):
        extra = [one for _, one in _tuple((), kind.value_type, path, lures, samples)]
    for index, one in enumerate(extra[:4]):
        yield f"{path}:more{index}", {**(value or {}), **dict.fromkeys(lures, one)}


def _samples(kind: mi.Type, samples: Mapping[Any, Any]) -> list[Any]:
    found = samples.get(kind.cls, ()) if isinstance(kind, mi.StructType) else ()
    return [*found]


def _plain(value: Any, kind: mi.Type, lures: tuple[str, ...]) -> list[Any]:
    match kind:
        case mi.StrType():
            found: list[Any] = [*lures]
        case mi.DateTimeType():
            found = [FAR, LONG_AGO]
        case mi.IntType():
            found = [-1, 0, 10**9]
        case mi.BoolType():
            found = [True, False]
        case mi.EnumType():
            found = [*kind.cls]
        case _:
            found = []
    return [one for one in found if one != value]
