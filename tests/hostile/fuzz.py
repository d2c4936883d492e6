"""Fuzz the reader of certificates and the decoder of API answers: ``python -m tests.hostile.fuzz --minutes 5``.

It starts from valid certificates and breaks them as text, as bytes and as ASN.1; what may come out is a result or one
of the project's own errors, in bounded time. Every case has a number: ``--seed S --case N`` runs one again.
"""

import argparse
import json
import random
import secrets
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any

import httpx
from cryptography.hazmat.primitives.serialization import Encoding

from rotation_watcher.adapters.genesys import Genesys
from rotation_watcher.config import Authority
from rotation_watcher.errors import SourceError
from rotation_watcher.ports import Credentials
from rotation_watcher.sources.observation import observe
from rotation_watcher.trust.identity import Expected
from rotation_watcher.x509 import truststore
from rotation_watcher.x509.certificates import parse_bundle, parse_text
from rotation_watcher.x509.outline import outline_of
from rotation_watcher.x509.paths import find_path
from rotation_watcher.x509.selection import candidates_in_order, chain_taken
from tests.hostile.rogues import ISSUING, ROOT
from tests.support.pki import NAME, NOW, leaf, pem_of
from tests.support.processor import spent

LONGEST = 2.0
"""Seconds of processor time that one case may take."""

LEAF = leaf(ISSUING)
LEAF_READ = LEAF.read
SEEDS = tuple(pair.raw.public_bytes(Encoding.DER) for pair in (LEAF, ISSUING, ROOT))
_NASTY = (b"\x00", b"\xff", b"\x80", b"\x7f", b"\x30\x80", b"\x84\xff\xff\xff\xff", b"\x02\x01\xff", b"\r\n", b"-----")
_WORDS = ("", "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----", "\\n", "\r", "\x00", "\ud7ff", "=", "-----")
_VALUES: tuple[Any, ...] = (
    None,
    0,
    -1,
    1e308,
    True,
    "",
    "Current",
    "DigiCert",
    [],
    {},
    [[]],
    {"a": None},
    "\ud7ff",
    "9" * 400,
)

type Target = Callable[[random.Random], None]


def mutated_bytes(der: bytes, chance: random.Random) -> bytes:
    """Bytes flipped, cut out, doubled or put in, at one to four places."""
    body = bytearray(der)
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(body) + 1)
        end = min(len(body), start + chance.randint(0, 16))
        new = (
            bytes([chance.randrange(256)]),
            b"",
            bytes(body[start:end]) * 2,
            chance.choice(_NASTY),
            chance.randbytes(chance.randint(1, 8)),
        )
        body[start:end] = chance.choice(new)
    return bytes(body)


def mutated_asn1(der: bytes, chance: random.Random, depth: int = 0) -> bytes:
    """One element of the tree changed, with all lengths around it made right again."""
    parts = children(der)
    if not parts or depth > 12 or chance.random() < 0.1:
        return _broken(der, chance)
    place = chance.randrange(len(parts))
    if chance.random() < 0.1:
        other = chance.randrange(len(parts))
        parts[place], parts[other] = parts[other], parts[place]
    else:
        parts[place] = mutated_asn1(parts[place], chance, depth + 1)
    return tlv(der[:1], b"".join(parts))


def _broken(der: bytes, chance: random.Random) -> bytes:
    tag, content = der[:1], der[header(der) :]
    return chance.choice(
        (
            tlv(bytes([chance.randrange(256)]), content),
            b"",
            der + der,
            tlv(tag, mutated_bytes(content, chance)),
            tlv(tag, content * chance.choice((2, 50))),
            tlv(tag, b""),
        )
    )


def text(chance: random.Random) -> str:
    """A certificate text: some certificates, each whole or broken, and sometimes broken armour."""
    made = []
    for der in chance.choices(SEEDS, k=chance.randint(1, 3)):
        how = chance.choice((mutated_asn1, mutated_asn1, mutated_bytes, lambda der, _: der))
        made.append(pem_of(how(der, chance)))
    joined = "".join(made)
    for _ in range(chance.choice((0, 0, 1, 3))):
        start = chance.randrange(len(joined) + 1)
        joined = joined[:start] + chance.choice(_WORDS) + joined[start + chance.randint(0, 30) :]
    return joined


def certificates(chance: random.Random) -> None:
    """The reader: texts of the API, and truststores of others; whatever is read again must be the same."""
    made = text(chance)
    for certificate in parse_text(made).certificates:
        if parse_text(certificate.pem).certificates != (certificate,):
            raise ValueError("what was read once is read differently a second time")
    parse_bundle(made.encode())
    contents = truststore.read(made.encode("utf-8", "replace"))
    if truststore.split(contents.data) != contents:
        raise ValueError("a truststore that is read differently a second time")
    held = [*contents.blocks.values()]
    chain_taken(LEAF_READ, candidates_in_order(held), at=NOW)
    for block in held:
        outline_of(block.der)
        _ = block.facts
    above = [block.certificate for block in held if block.certificate]
    for one in above:
        find_path(one, intermediates=above, anchors=[*above, ROOT.read], at=NOW)
    parse_bundle(mutated_bytes(chance.choice(SEEDS), chance))


def answers(chance: random.Random) -> None:
    """The whole way of an API answer, from the HTTP body to the observation."""
    entity: dict[str, Any] = {
        "signingAuthority": chance.choice(("Genesys", "DigiCert")),
        "certificate": text(chance),
        "status": "Current",
        "type": "Client",
    }
    if chance.random() < 0.3:
        entity[chance.choice([*entity])] = chance.choice(_VALUES)
    page: dict[str, Any] = {"entities": [entity] * chance.randint(0, 2), "pageSize": 20}
    if chance.random() < 0.2:
        page[chance.choice(("entities", "nextUri", "pageSize"))] = chance.choice((*_VALUES, "//x/%", "/a?b=c"))
    body = json.dumps(page).encode()
    if chance.random() < 0.3:
        body = mutated_bytes(body, chance)
    try:
        raw = _look(body, chance)
    except SourceError:
        return
    observe(
        raw,
        authorities=[*Authority],
        anchors=dict.fromkeys(Authority, (ROOT.read,)),
        names=dict.fromkeys(Authority, Expected((NAME,))),
        approvals={},
        now=NOW,
    )


def _look(body: bytes, chance: random.Random) -> Sequence[bytes]:
    """One run against an API that answers with this body."""
    token = json.dumps({"access_token": "t", "expires_in": chance.choice((300, 0, -1, 1e300))}).encode()
    if chance.random() < 0.1:
        token = mutated_bytes(token, chance)

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=token if request.url.path.endswith("/oauth/token") else body)

    def pause(_: float) -> None:
        return

    genesys = Genesys(
        lambda: datetime.now(UTC), lambda: httpx.Client(transport=httpx.MockTransport(answer)), pause=pause
    )
    return genesys.certificates(
        api_url="https://api.example", login_url="https://login.example", credentials=Credentials("id", "secret")
    )


TARGETS: dict[str, Target] = {"certificates": certificates, "answers": answers}


def run(seed: int, seconds: float, *, case: int | None = None, targets: dict[str, Target] | None = None) -> int:
    """Run cases until the time is over, or the one; how many ran. Raises RuntimeError for the first that fails."""
    end = time.monotonic() + seconds
    ran = 0
    for number in count() if case is None else [case]:
        if case is None and time.monotonic() > end:
            break
        for name, target in (targets or TARGETS).items():
            try:
                with spent() as taken:
                    target(random.Random(f"{seed}/{number}/{name}"))  # noqa: S311 - to be repeated, not to be secret
            except Exception as error:
                raise RuntimeError(f"{name}: --seed {seed} --case {number}: {error!r}") from error
            if taken.seconds > LONGEST:
                raise RuntimeError(f"{name}: --seed {seed} --case {number}: took {taken.seconds:.1f} s")
            ran += 1
    return ran


def header(der: bytes) -> int:
    """How many bytes tag and length of an element take."""
    return 2 + (der[1] & 0x7F if der[1] & 0x80 else 0)


def children(der: bytes) -> list[bytes]:
    """The elements of a constructed element; none for a primitive one."""
    parts: list[bytes] = []
    content = der[header(der) :] if len(der) > 1 and der[0] & 0x20 else b""
    while len(content) > 1:
        start = header(content)
        length = content[1] if start == 2 else int.from_bytes(content[2:start])
        parts.append(content[: start + length])
        content = content[start + length :]
    return parts


def tlv(tag: bytes, content: bytes) -> bytes:
    """An element with the length that it has."""
    size = len(content)
    if size < 0x80:
        return tag + bytes([size]) + content
    width = (size.bit_length() + 7) // 8
    return tag + bytes([0x80 | width]) + size.to_bytes(width) + content


def main(argv: Sequence[str]) -> int:
    """Fuzz for some minutes; 1 and the case's number where something failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32))
    parser.add_argument("--case", type=int, help="only this one")
    options = parser.parse_args(argv)
    print(f"seed {options.seed}", flush=True)  # noqa: T201 - a command line prints
    try:
        ran = run(options.seed, options.minutes * 60, case=options.case)
    except RuntimeError as error:
        traceback.print_exception(error)
        return 1
    print(f"{ran} cases, none failed")  # noqa: T201 - as above
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
