"""What a door decides by: the content of ``bundles/<id>/identity.json``, read strictly.

This module, ``decision`` and what they import need Python and ``cryptography`` alone, so that a backend can carry them
along (``doors/middleware``). Whatever is not understood makes the whole file unreadable: a door that guesses is open.
"""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from cryptography import x509

from rotation_watcher.x509.engine_rules import ways_up
from rotation_watcher.x509.names import normal

FORMAT = 1
"""The format that is read here; publish writes the same (``publishing``)."""
MAX_BYTES = 4 << 20
"""The longest file that is read: some thousand pins."""
_MODES, _UNKNOWN = {"issued", "pinned"}, {"strict", "name"}


class PolicyError(ValueError):
    """The file cannot be used; the text says why and holds nothing of the file but the names of its fields."""


class Who(NamedTuple):
    """Whose certificate it is: the source's id in the watch file, its Genesys Cloud region, and who signs there."""

    source: str
    region: str
    authority: str


class Rule(NamedTuple):
    """How the leaves of one source and authority are recognised.

    ``issued``: signed by one of ``issuers`` and bearing one of ``names``. Under ``pinned`` such a leaf is only known by
    sight: ``unknown`` says whether it is refused (``strict``) or admitted (``name``) until it is pinned.
    """

    who: Who
    mode: str
    unknown: str
    names: frozenset[str]
    issuers: tuple[x509.Certificate, ...]
    issuer_keys: tuple[str, ...]
    ways: tuple[tuple[tuple[x509.Certificate, ...], ...], ...]
    """What a leaf of each of the issuers is held against (``engine_rules.ways_up``)."""


class Pin(NamedTuple):
    """One accepted leaf. ``until``: when its grace ends (None: it has no end). ``lifted``: what an approval waives.

    ``issuer_key``: the SHA-256 of its issuer's SubjectPublicKeyInfo in hex, None where it is not known.
    """

    who: Who
    until: datetime | None
    lifted: frozenset[str]
    issuer_key: str | None


class Policy(NamedTuple):
    """All of it. ``pins`` by the leaf's SHA-256 in lower-case hex; ``lists``: an issuer's key → its lists' folders.

    ``revoked``: the SHA-256 of what publish knows to be revoked, for doors without lists, or whose lists are late.
    """

    bundle: str
    rules: tuple[Rule, ...]
    pins: dict[str, tuple[Pin, ...]]
    lists: dict[str, tuple[str, ...]]
    revoked: frozenset[str]


def read_policy(data: bytes) -> Policy:
    """The policy in ``data``. Raises PolicyError, and nothing else."""
    if len(data) > MAX_BYTES:
        raise PolicyError(f"{len(data)} bytes, at most {MAX_BYTES} are read")
    try:
        document = json.loads(data)
        _known_format(document["format"])
        pins: dict[str, tuple[Pin, ...]] = {}
        for one in _list(document["pins"]):
            pins[_digest(one["sha256"])] = (*pins.get(one["sha256"], ()), _pin(one))
        lists: dict[str, tuple[str, ...]] = {}
        for one in _list(document["lists"]):
            lists[_digest(one["issuer_key"])] = (*lists.get(one["issuer_key"], ()), _folder(one["folder"]))
        rules = tuple(_rule(one) for one in _list(document["rules"]))
        return Policy(
            _text(document["bundle"]), rules, pins, lists, frozenset(map(_digest, _list(document["revoked"])))
        )
    except PolicyError:
        raise
    except KeyError as error:
        raise PolicyError(f"the field {error} is missing") from None
    except Exception as error:  # noqa: BLE001  # whatever the file does to the libraries, it is no policy
        raise PolicyError(f"it is no such file ({type(error).__name__})") from None


def _known_format(number: object) -> None:
    if number != FORMAT or isinstance(number, bool):
        raise PolicyError(f"it is of format {number!r:.20}, this release reads {FORMAT}: update whichever is older")


def _rule(one: dict[str, Any]) -> Rule:
    issuers, above = (
        tuple(x509.load_pem_x509_certificate(ca["pem"].encode()) for ca in _list(cas))
        for cas in (one["issuers"], one.get("above", []))
    )
    return Rule(
        _who(one),
        _one_of(one["mode"], _MODES),
        _one_of(one["unknown"], _UNKNOWN),
        frozenset(normal(_text(name)) for name in _list(one["names"])),
        issuers,
        tuple(_digest(issuer["key"]) for issuer in one["issuers"]),
        tuple(ways_up(issuer, (*issuers, *above)) for issuer in issuers),
    )


def _pin(one: dict[str, Any]) -> Pin:
    until, key = one["until"], one["issuer_key"]
    return Pin(
        _who(one),
        None if until is None else _moment(until),
        frozenset(map(_text, _list(one["lifted"]))),
        None if key is None else _digest(key),
    )


def _who(one: dict[str, Any]) -> Who:
    return Who(_text(one["source"]), _text(one["region"]), _text(one["authority"]))


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise PolicyError("a list is none")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise PolicyError("a text is none")
    return value


def _checked(value: object, right: Callable[[str], bool], what: str) -> str:
    text = _text(value)
    if not right(text):
        raise PolicyError(f"{what} is none")
    return text


def _digest(value: object) -> str:
    return _checked(value, lambda text: len(text) == 64 and not text.strip("0123456789abcdef"), "a SHA-256")  # noqa: PLR2004


def _folder(value: object) -> str:
    return _checked(value, lambda text: text.startswith("crls/") and not text[5:].strip("0123456789abcdef"), "a folder")


def _one_of(value: object, known: set[str]) -> str:
    return _checked(value, known.__contains__, " or ".join(sorted(known)))


def _moment(value: object) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is None:
        raise PolicyError("a time has no zone")
    return moment
