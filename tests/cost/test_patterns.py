"""No regular expression of the package, and no reader of others' text, takes longer than the text is long."""

import importlib
import inspect
import pkgutil
import re
import time
from collections.abc import Callable, Iterator
from functools import partial

import msgspec
import pytest

import rotation_watcher
from rotation_watcher.expressions import Expression
from rotation_watcher.trust.file_contents import anchors
from rotation_watcher.x509 import certificates, pem, truststore
from tests.support import pki

LENGTH = 12_000
"""Characters: an expression of quadratic cost needs a second for them, a linear one milliseconds."""
LONGEST = 0.3
"""Seconds of processor time."""
PIECES = (
    "-",
    "- ",
    "--",
    "-----",
    " ",
    "\n",
    "\t\n",
    "\r",
    "A",
    "a",
    "a-",
    "a.",
    "-a",
    "0",
    "A ",
    ".",
    "/",
    "_",
    "=",
    "#",
    "\u2014",
    "BEGIN",
    "-----BEGIN",
    "-----BEGIN ",
    "-----BEGIN A ",
    "-----BEGIN A\n",
    "-----BEGIN CERTIFICATE-----",
    "-----END CERTIFICATE-----\n",
    "-----BEGIN CERTIFICATE-----\n",
    "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
    "--BEGIN PRIVATE ",
    "--BEGIN PRIVATE",
    "\u2014BEGIN PRIVATE",
    "begin certificate ",
    "in progress",
    "failed: ",
)
HEADS = ("", "-----BEGIN ", "aws-")


def patterns() -> dict[str, Callable[[str], object]]:
    """How every pattern of the package is applied, by module and name: at each place, or to the whole."""
    found: dict[str, Callable[[str], object]] = {}
    seen: set[tuple[int, bool]] = set()
    for info in pkgutil.walk_packages(rotation_watcher.__path__, "rotation_watcher."):
        module = importlib.import_module(info.name)
        for name, value in vars(module).items():
            for place, pattern in enumerate(held(value)):
                searched = re.search(rf"\b{name}\.(search|finditer|findall|sub|split)\b", inspect.getsource(module))
                if (key := (id(pattern), searched is not None)) in seen:
                    continue
                seen.add(key)
                label = f"{info.name}.{name}" + (f"[{place}]" if place else "")
                found[label] = partial(everywhere, pattern) if searched else pattern.fullmatch
    return found


def held(value: object) -> Iterator[re.Pattern[str] | Expression]:
    """The patterns that a constant is, or holds in its items and fields."""
    if isinstance(value, re.Pattern | Expression):
        if isinstance(value.pattern, str):
            yield value
    elif isinstance(value, tuple | list | frozenset):
        for one in value:
            yield from held(one)
    elif isinstance(value, dict):
        yield from held(list(value.values()))
    elif isinstance(value, msgspec.Struct):
        yield from held([getattr(value, field) for field in value.__struct_fields__])


def everywhere(pattern: re.Pattern[str] | Expression, text: str) -> int:
    return sum(1 for _ in pattern.finditer(text))


PATTERNS = patterns()


def spent(work: Callable[[str], object], text: str, enough: float = LONGEST) -> float:
    """Seconds of processor time, the least of three tries: what else the process does at a moment does not count."""
    least = float("inf")
    for _ in range(3):
        start = time.process_time()
        work(text)
        least = min(least, time.process_time() - start)
        if least < enough:
            break
    return least


def costly(work: Callable[[str], object]) -> str | None:
    """A text for which it takes too long, as head and piece."""
    return next(
        (
            f"{head!r} + {piece!r} * n"
            for piece in PIECES
            for head in HEADS
            if spent(work, head + piece * (LENGTH // len(piece)) + "\x00") > LONGEST
        ),
        None,
    )


def test_the_patterns_are_found() -> None:
    assert len(PATTERNS) > 15
    assert "rotation_watcher.x509.truststore._KEY" in PATTERNS
    assert "rotation_watcher.arns._REGION" in PATTERNS
    assert any("ALB_TRUST_STORE" in name for name in PATTERNS), "those that structures hold"


@pytest.mark.parametrize("name", sorted(PATTERNS))
def test_no_pattern_takes_more_than_linear_time(name: str) -> None:
    assert costly(PATTERNS[name]) is None


def test_the_search_finds_a_quadratic_pattern() -> None:
    assert costly(partial(everywhere, re.compile(r"-{2,}\s*BEGIN")))
    assert PATTERNS["rotation_watcher.x509.truststore._KEY"] != truststore._KEY.fullmatch


READERS: dict[str, Callable[[str], object]] = {
    "a truststore": lambda text: truststore.split(text.encode()).unusual,  # not remembered: it is timed
    "an API's text": certificates.parse_text,
    "a bundle": lambda text: certificates.parse_bundle(text.encode()),
    "an operator's file": lambda text: anchors("bucket", "key", text.encode()),
    "a block": pem.der_of,
}


@pytest.mark.parametrize("reader", READERS)
def test_no_reader_of_others_text_takes_more_than_linear_time(reader: str) -> None:
    assert costly(READERS[reader]) is None


@pytest.mark.parametrize(
    "line", ["-----BEGIN A-----\n", "-----BEGIN RSA PRIVATE KEY-----\n", "\u2014BEGIN PRIVATE KEY\n", "--begin\n"]
)
def test_many_findings_in_a_truststore_cost_no_more_than_their_text(line: str) -> None:
    text = line * (1_000_000 // len(line))
    assert spent(READERS["a truststore"], text) < 15 * LONGEST  # quadratic, it was ten times as much
    assert spent(READERS["an operator's file"], text) < 15 * LONGEST


def test_a_comment_of_dashes_costs_nothing() -> None:
    root = pki.root("Theirs").pem
    text = f"{root}# {'-' * 1_000_000}\n{root}"
    assert spent(READERS["a truststore"], text) < LONGEST
