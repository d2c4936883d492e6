"""One mistake of a watch file: where it stands, and in words; and all of them as people read them."""

from collections.abc import Callable, Collection, Iterable

import msgspec

type Path = tuple[str | int, ...]
"""The way to a value in the file as it is written: ``("targets", 3, "arn")``; empty: the file itself."""
type LineOf = Callable[[Path], int | None]
"""The line, from 1, on which a value begins; None: not known."""

MOST = 500
"""The most mistakes that are listed; of more only the number is."""
_LONGEST = 60
_LONGEST_TEXT = 420
_WIDEST = 200


class Mistake(msgspec.Struct, frozen=True):
    """``text`` says what is wrong, and what to write instead.

    ``word`` may be meant for one of ``choices``: which, is looked for as late as the mistake is listed.
    """

    path: Path
    text: str
    word: str = ""
    choices: Collection[str] = ()


def no_line(path: Path) -> int | None:
    """For documents that nobody has written: no line is known."""
    del path
    return None  # a line is asked for


def shown(path: Path) -> str:
    """A path for people: ``targets[3].arn``; ``$`` is the file itself."""
    words = "".join(f"[{one}]" if isinstance(one, int) else f".{_name(one)}" for one in path)
    return words.removeprefix(".") or "$"


def quoted(value: object) -> str:
    """A value that was found, for people: no longer than needed to find it again."""
    text = str(value)
    return repr(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")


def _name(text: str) -> str:
    return text if len(text) <= _LONGEST and text.isprintable() and text else quoted(text)


def lines(mistakes: Iterable[Mistake], line_of: LineOf = no_line) -> list[str]:
    """One line a mistake, ``targets[3].arn (line 12): …``, in the order of the file; each once, ``MOST`` in all."""
    once = {(one.path, one.text): one for one in mistakes}
    found = [(_line(one.path, line_of), one) for one in once.values()]
    found.sort(key=lambda each: each[0] or 0)
    told = [f"{shown(one.path)}{f' (line {line})' if line else ''}: {_words(one)}" for line, one in found[:MOST]]
    return [*told, f"$: {len(found) - MOST} more mistakes are not listed"] if len(found) > MOST else told


def _words(mistake: Mistake) -> str:
    text = mistake.text if len(mistake.text) <= _LONGEST_TEXT else f"{mistake.text[:_LONGEST_TEXT]}…"
    if not mistake.word or len(mistake.word) > _LONGEST or len(mistake.choices) > _WIDEST:
        return text  # no typo; and comparing takes its time
    from rotation_watcher.nearest import did_you_mean  # noqa: PLC0415  # only where there is a mistake

    hint = did_you_mean(mistake.word, mistake.choices)
    return f"{text}. {hint}" if hint else text


def _line(path: Path, line_of: LineOf) -> int | None:
    """Where it stands; what is missing has no line of its own, but that which it is missing in has one."""
    for length in range(len(path), 0, -1):
        if (line := line_of(path[:length])) is not None:
            return line
    return None
