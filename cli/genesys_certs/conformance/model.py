"""Probes, answers and records. Pure.

What is compared is how the service answered: outcome, error code, facts. Texts and seconds are recorded and not
compared: nobody claims to know a service's words or its haste.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from importlib import resources
from typing import Any, Literal, NamedTuple

import msgspec

FORMAT: Literal[1] = 1
"""Of records."""

type Fact = str | int | bool


class Outcome(StrEnum):
    """How a probe ended."""

    TAKEN = "taken"
    """The service did it, or answered."""
    REFUSED = "refused"
    """The service answered with an error: ``code`` is its own."""
    NOT_ASKED = "not-asked"
    """Nothing is known: something stood in the way (``text``), such as a missing permission."""


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a probe found. ``text``: the service's own words, redacted. ``seconds``: how long it took to be seen."""

    outcome: Outcome
    code: str = ""
    facts: dict[str, Fact] = {}
    text: str = ""
    seconds: float = 0.0


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The answers of one service on one day: ``docs/conformance/<service>-<date>.json``."""

    format: Literal[1]
    service: str
    date: str
    """YYYY-MM-DD, UTC."""
    region: str
    sdk: str
    """The version of botocore; of httpx where no SDK asks."""
    kit: str
    """The release of genesys-certs."""
    answers: dict[str, Answer]


class Probe(NamedTuple):
    """``ask`` gets the suite's bench. ``unclaimed``: why the local world cannot answer (empty: it can).

    ``wants``: the options without any of which it cannot be asked.
    """

    id: str
    asks: str
    ask: Callable[[Any], Answer]
    unclaimed: str = ""
    wants: tuple[str, ...] = ()


def taken(seconds: float = 0.0, text: str = "", **facts: Fact) -> Answer:
    """The service did it."""
    return Answer(outcome=Outcome.TAKEN, facts=facts, text=text, seconds=round(seconds, 1))


def not_asked(why: str, code: str = "") -> Answer:
    """Something stood in the way."""
    return Answer(outcome=Outcome.NOT_ASKED, code=code, text=why)


def difference(claim: Answer | None, found: Answer) -> str:
    """How an answer differs from what is claimed, in words; empty where it agrees, or where one of both is silent."""
    if claim is None or Outcome.NOT_ASKED in {claim.outcome, found.outcome}:
        return ""
    before, after = _said(claim), _said(found)
    return "" if before == after else f"claimed {before}, answered {after}"


def _said(answer: Answer) -> str:
    facts = ", ".join(f"{key}={value}" for key, value in sorted(answer.facts.items()))
    return " ".join(filter(None, (answer.outcome.value, answer.code, f"({facts})" if facts else "")))


def claimed(answer: Answer) -> Answer:
    """What of an answer is a claim: no text and no time, but the reason of what cannot be asked."""
    text = answer.text if answer.outcome is Outcome.NOT_ASKED else ""
    return Answer(outcome=answer.outcome, code=answer.code, facts=answer.facts, text=text)


def claims() -> Mapping[str, Answer]:
    """What the embedded AWS and the simulator answered when this release was made, by the probe's id."""
    content = (resources.files("genesys_certs.conformance") / "claims.json").read_bytes()
    return msgspec.json.decode(content, type=dict[str, Answer])


def read_record(content: bytes) -> Record:
    """A record. Raises ``msgspec.DecodeError`` for anything else."""
    return msgspec.json.decode(content, type=Record)


def write_record(record: Record) -> bytes:
    """Its form in a file."""
    return msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"
