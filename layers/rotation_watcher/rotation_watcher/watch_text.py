"""The text of a watch file as a document, and on which line each value stands: what JSON and YAML share, and JSON.

Whatever lies in the bucket, one of two things happens: there is a document of plain values, or ConfigurationError says
what is wrong with the text and what to do. A file may be uploaded by mistake, so it is bounded before it is parsed.
"""

import json
from collections.abc import Iterator, Sequence
from functools import cache, partial
from typing import Any

import msgspec

from rotation_watcher.errors import UNDECODABLE, ConfigurationError
from rotation_watcher.expressions import Expression
from rotation_watcher.watch_mistakes import LineOf, Mistake, Path, lines

YAML_NAMES = (".yaml", ".yml")
LARGEST = 1024 * 1024
"""Bytes. 500 targets with settings of their own take some 100,000, as bare ARNs half of it."""
TOO_DEEP = "nested too deeply: is it the right file? No list or object of a watch file lies deeper than six others"
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_CONTROL = Expression(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_BYTE = Expression(r"\(byte (\d+)\)")
_TOKEN = Expression(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],:]|[^\s"{}\[\],:]+')


class Text(msgspec.Struct, frozen=True):
    """``mistakes``: of the text, which leave a document all the same (keys that are written twice)."""

    document: object
    line_of: LineOf
    mistakes: Sequence[Mistake] = ()


def refused(words: str) -> ConfigurationError:
    """The error of a text that gives no document."""
    return ConfigurationError(lines([Mistake((), words)]))


def twice(path: Path, line: int) -> Mistake:
    """A key that is written again on a line; parsers disagree about which one counts."""
    return Mistake(path, f"written twice, again on line {line}: keep one")


def decoded(data: bytes) -> str:
    """The text of a file that may be anything. Raises ConfigurationError."""
    if len(data) > LARGEST:
        size = len(data) / 1024 / 1024
        raise refused(
            f"{size:.1f} MiB, and {LARGEST // 1024 // 1024} MiB is the most: is it the right file?"
            " defaults and groups make it shorter"
        )
    if data.startswith(_UTF16_MARKS):
        raise refused("UTF-16, not UTF-8: save it as UTF-8")
    try:
        text = data.removeprefix(_UTF8_MARK).decode()
    except UnicodeDecodeError as error:
        where = data[: error.start].count(b"\n") + 1
        raise refused(f"not UTF-8 (line {where}): save it as UTF-8") from error
    if found := _CONTROL.search(text):
        where = text.count("\n", 0, found.start()) + 1
        raise refused(
            f"the control character U+{ord(found[0]):04X} on line {where}: the file is damaged, or no text;"
            " remove it, or upload the file again"
        )
    if not text.strip():
        raise refused("the file is empty: docs/watch-file.md shows one")
    return text


def read(data: bytes) -> Text:
    """The document of a file in JSON. Raises ConfigurationError."""
    text = decoded(data)
    try:
        document = msgspec.json.decode(text)
    except RecursionError as error:
        raise refused(TOO_DEEP) from error
    except UNDECODABLE as error:
        raise refused(f"not valid JSON: {_placed(str(error), text)}{_perhaps_yaml(text)}") from error
    places = cache(partial(_places, text))  # only a mistake asks for a line

    def line_of(path: Path) -> int | None:
        return places()[0].get(path)

    return Text(document, line_of, places()[1] if _repeats(text) else ())


def _perhaps_yaml(text: str) -> str:
    return "" if text.lstrip()[:1] in {"{", "["} else f"; if it is YAML, its name must end in {' or '.join(YAML_NAMES)}"


def _placed(words: str, text: str) -> str:
    """Msgspec's words, with a line instead of its byte."""
    found = _BYTE.search(words)
    before = text.encode()[: int(found[1])].decode(errors="replace") if found else text
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    return f"{_BYTE.sub('', words).removeprefix('JSON is malformed: ').strip()} (line {line}, column {column})"


def _repeats(text: str) -> bool:
    """Whether a key is written twice in one object. ``text`` is valid JSON."""
    found = False

    def of_object(pairs: list[tuple[str, Any]]) -> None:
        nonlocal found
        found = found or len({name for name, _ in pairs}) < len(pairs)

    try:
        json.loads(text, object_pairs_hook=of_object, parse_int=str)
    except RecursionError as error:
        raise refused(TOO_DEEP) from error
    return found


def _places(text: str) -> tuple[dict[Path, int], list[Mistake]]:
    """The line of each value of a text that is valid JSON, and its keys that are written twice."""
    places: dict[Path, int] = {}
    repeated: list[Mistake] = []
    way: list[str | int] = []
    keys: list[set[str] | None] = []  # those of the objects around, None for an array
    key = False  # whether the next text is a key
    for sign, line in _signs(text):
        if sign in "]}":
            way.pop()
            keys.pop()
        elif sign == ",":
            if keys[-1] is None:
                way[-1] = int(way[-1]) + 1
            key = keys[-1] is not None
        elif key and sign != ":" and (known := keys[-1]) is not None:
            way[-1], key = json.loads(sign), False
            if way[-1] in known:
                repeated.append(twice(tuple(way), line))
            known.add(str(way[-1]))
            places.setdefault(tuple(way), line)
        elif sign != ":":
            places.setdefault(tuple(way), line)
            if sign in "[{":
                way.append(0)
                keys.append(None if sign == "[" else set())
                key = sign == "{"
    return places, repeated


def _signs(text: str) -> Iterator[tuple[str, int]]:
    line, end = 1, 0
    for found in _TOKEN.finditer(text):
        line += text.count("\n", end, found.start())
        end = found.start()
        yield found[0], line
