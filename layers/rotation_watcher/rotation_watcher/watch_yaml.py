"""A watch file in YAML, read from the parser's events: the values that JSON has, and nothing else of YAML.

No alias, anchor or tag is followed, so that none can multiply a text or make an object, and a key stands once. A plain
word is a number, a truth value or nothing only where JSON would have it so: ``no`` is a text, as are 012345678901 and
07:30. Only who has a file in YAML loads this module and its parser.
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from rotation_watcher.errors import ConfigurationError
from rotation_watcher.watch_mistakes import Mistake, Path, lines
from rotation_watcher.watch_text import TOO_DEEP, Text, decoded, refused, twice

_DEEPEST = 16
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}
_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,18})")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,18})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read(data: bytes) -> Text:
    """The document of a file in YAML. Raises ConfigurationError with every mistake of the text."""
    text = decoded(data)
    try:
        return _Reading(yaml.parse(text, Loader=_LOADER)).text()
    except yaml.MarkedYAMLError as error:
        if "nesting depth" in str(error.problem):  # libyaml has a bound of its own
            raise refused(TOO_DEEP) from error
        raise refused(f"not valid YAML: {_words(error, text)}") from error
    except yaml.YAMLError as error:
        raise refused(f"not valid YAML: {' '.join(str(error).split())}") from error


def _words(error: yaml.MarkedYAMLError, text: str) -> str:
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return str(error.problem)
    written = text.splitlines()[mark.line : mark.line + 1] or [""]
    if "\t" in written[0][: len(written[0]) - len(written[0].lstrip())]:
        return f"a tab indents line {mark.line + 1}: use spaces"
    context = f"{error.context}, " if error.context else ""
    return f"{context}{error.problem} (line {mark.line + 1}, column {mark.column + 1})"


class _Reading:
    """One reading of the events, in their order."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._places: dict[Path, int] = {}
        self._repeated: list[Mistake] = []
        self._forbidden: list[Mistake] = []

    def text(self) -> Text:
        """The document. Raises ConfigurationError, what the parser raises."""
        document: Any = None
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise refused(f"a second document begins on line {_line(event)} (---): keep one")
            elif not isinstance(event, (yaml.StreamStartEvent, yaml.StreamEndEvent, yaml.DocumentEndEvent)):
                document = self._value(event, ())
        if self._forbidden:
            raise ConfigurationError(lines([*self._forbidden, *self._repeated], self._places.get))
        if not self._places:
            raise refused("nothing but comments: docs/watch-file.md shows a watch file")
        return Text(document, self._places.get, tuple(self._repeated))

    def _value(self, event: Any, path: Path) -> Any:
        line = _line(event)
        self._places.setdefault(path, line)
        if len(path) > _DEEPEST:
            raise refused(TOO_DEEP)
        self._forbid(event, path)
        if isinstance(event, yaml.SequenceStartEvent):
            return [self._value(each, (*path, index)) for index, each in enumerate(self._inside(yaml.SequenceEndEvent))]
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        return _scalar(event) if isinstance(event, yaml.ScalarEvent) else None

    def _inside(self, end: type[Any]) -> Iterator[Any]:
        """The events up to the end of a collection; who gets one takes all that belongs to it."""
        for event in self._events:
            if isinstance(event, end):
                return
            yield event

    def _mapping(self, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for event in self._inside(yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                words = f"a key is no text (line {_line(event)}): put a text in quotes that has {{, [, * or &"
                raise refused(words)
            key = (*path, event.value)
            self._forbid(event, key)
            if event.value in found:
                self._repeated.append(twice(key, _line(event)))
                self._value(next(self._events), (*path, event.value))
                continue
            self._places[key] = _line(event)
            found[event.value] = self._value(next(self._events), key)
        return found

    def _forbid(self, event: Any, path: Path) -> None:
        """Note what YAML has beyond JSON, and is not followed."""
        if isinstance(event, yaml.AliasEvent):
            self._forbidden.append(
                Mistake(path, f"the alias *{event.anchor} is not followed: write it out, or use defaults and groups")
            )
        elif event.anchor:
            self._forbidden.append(Mistake(path, f"the anchor &{event.anchor}: take it out, or put a text in quotes"))
        if getattr(event, "tag", None):
            self._forbidden.append(Mistake(path, f"the tag {event.tag}: take it out, or put a text in quotes"))


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _scalar(event: Any) -> Any:
    text: str = event.value
    if not event.implicit[0]:  # in quotes, or a block of text
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text
