"""What a Genesys Cloud organisation answers, read-only: shapes, headers, paging, and what its certificates bear."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import httpx
import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from genesys_certs.conformance.model import Answer, Fact, Outcome, Probe, not_asked, taken
from genesys_certs.problems import Problem
from rotation_watcher.adapters.genesys import PATH
from rotation_watcher.errors import UNDECODABLE
from rotation_watcher.ports import Credentials
from rotation_watcher.regions import REGIONS
from rotation_watcher.x509 import pem

PUBLIC = r"\bdataactions\.[a-z0-9.-]+\.(?:mypurecloud\.com|pure\.cloud)\b"
"""The names of Genesys' own client certificates: the region's, and nobody's in particular."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,40}")
_TOO_OFTEN = 429
_NOBODY = "00000000-0000-4000-8000-000000000000"

type Send = Callable[[httpx.Request], Awaitable[httpx.Response]]


class Said(NamedTuple):
    """An answer: ``document`` is empty where it is no JSON object."""

    status: int
    headers: Mapping[str, str]
    document: dict[str, Any]


class Bench:
    """One organisation's API, logged in. ``client`` asks it."""

    def __init__(self, client: httpx.Client, region: str, urls: tuple[str, str], credentials: Credentials) -> None:
        self._client, self.region = client, region
        self.api_url, self._login_url = (one.rstrip("/") for one in urls)
        self._credentials = credentials
        self.grant = self.log_in(credentials.client_id, credentials.client_secret)
        self.token = str(self.grant.document.get("access_token", ""))
        if not self.token:
            raise Problem(
                "credentials-refused", f"The login failed: HTTP status {self.grant.status}.", "Check the client."
            )
        self.entities: list[dict[str, Any]] = []

    def log_in(self, client_id: str, secret: str) -> Said:
        """The answer to a login."""
        auth, form = (client_id, secret), {"grant_type": "client_credentials"}
        return self._send("POST", f"{self._login_url}/oauth/token", auth=auth, data=form)

    def get(self, token: str | None = None, **query: str) -> Said:
        """One page of the certificates. ``token``: another one than the own; empty for none."""
        used = self.token if token is None else token
        headers = {"Authorization": f"Bearer {used}"} if used else {}
        return self._send("GET", f"{self.api_url}{PATH}", params=query, headers=headers)

    def _send(self, method: str, url: str, **given: Any) -> Said:
        try:
            answer = self._client.request(method, url, **given)
        except httpx.HTTPError as error:
            raise Problem("unreachable", f"Genesys Cloud does not answer: {type(error).__name__}") from None
        try:
            document = msgspec.json.decode(answer.content)
        except UNDECODABLE:
            document = None
        return Said(answer.status_code, answer.headers, document if isinstance(document, dict) else {})

    def presented(self) -> list[dict[str, Any]]:
        """The entities that are current, and those that are upcoming, of the first pages."""
        if not self.entities:
            for status in ("Current", "Upcoming"):
                listed = self.get(status=status, type="Client").document.get("entities") or []
                self.entities += [one for one in listed if isinstance(one, dict)]
        return self.entities


def _answer(said: Said, **facts: Fact) -> Answer:
    """What an answer says: taken with its status, or refused with the code in its body."""
    text = str(said.document.get("message") or said.document.get("error_description") or "")
    if said.status == _TOO_OFTEN:
        return not_asked("asked too often", str(said.status))
    if said.status == httpx.codes.OK:
        return Answer(outcome=Outcome.TAKEN, facts={"status": said.status, **facts})
    code = str(said.document.get("code") or said.document.get("error") or "")
    return Answer(outcome=Outcome.REFUSED, code=code, text=text, facts={"status": said.status})


def _keys(members: Iterable[str]) -> str:
    """The names of members, as far as they are names."""
    return ",".join(sorted({key if _NAME.fullmatch(key) else "no-name" for key in members}))


def _token(bench: Bench) -> Answer:
    said = bench.grant.document
    life = said.get("expires_in")
    return taken(
        text=f"a token lives {life} s",
        type=str(said.get("token_type", "")).lower(),
        members=_keys(said),
        life_is_a_number=isinstance(life, int),
    )


def _shape(bench: Bench) -> Answer:
    said = bench.get(status="Current", type="Client")
    entities = said.document.get("entities") or []
    members = {key for one in entities if isinstance(one, dict) for key in one}
    return _answer(said, members=_keys(said.document), of_entities=_keys(members))


def _headers(bench: Bench) -> Answer:
    said = bench.get(status="Current", type="Client")
    names = sorted(name.lower() for name in said.headers)
    limits = [name for name in names if "ratelimit" in name or name == "retry-after"]
    kind = said.headers.get("content-type", "").partition(";")[0]
    answer = _answer(said, rate_limit=",".join(limits), type=kind)
    return msgspec.structs.replace(answer, text=" ".join(names))


def _values(bench: Bench) -> Answer:
    """The words in which entities say what they are."""
    found = bench.presented()
    words = {name: sorted({str(one.get(name)) for one in found}) for name in ("status", "type", "signingAuthority")}
    text = "; ".join(f"{name}: {', '.join(said)}" for name, said in words.items())
    known = {"Current", "Upcoming", "Client", "Genesys", "DigiCert"}
    return taken(text=text, only_known_words=all({*said} <= known for said in words.values()))


def _page_size(bench: Bench) -> Answer:
    """Whether one entity a page can be asked for."""
    said = bench.get(status="Current", type="Client", pageSize="1")
    entities = said.document.get("entities") or []
    echoed = said.document.get("pageSize") == 1
    return _answer(said, echoed=echoed, one_at_most=len(entities) <= 1)


def _next_uri(bench: Bench) -> Answer:
    """How the next page is named; only an organisation with two certificates of one status shows it."""
    said = bench.get(type="Client", pageSize="1")
    uri = said.document.get("nextUri")
    if not uri:
        return not_asked("there is no second page")
    form = "absolute" if "://" in str(uri) else "from-the-root" if str(uri).startswith("/") else "relative"
    return _answer(said, form=form)


def _query(**query: str) -> Callable[[Bench], Answer]:
    """A query, and whether it gives what the plain one gives."""

    def probe(bench: Bench) -> Answer:
        said = bench.get(**query)
        found = said.document.get("entities") or []
        plain = bench.get(status="Current", type="Client").document.get("entities") or []
        return _answer(said, as_many_as_current=len(found) == len(plain))

    return probe


def _no_token(bench: Bench) -> Answer:
    return _answer(bench.get(""))


def _bad_token(bench: Bench) -> Answer:
    return _answer(bench.get("conformance"))


def _no_client(bench: Bench) -> Answer:
    return _answer(bench.log_in(_NOBODY, "conformance"))


def _leaf(authority: str) -> Callable[[Bench], Answer]:
    """What an authority's current certificate string holds, and what its leaf bears."""

    def probe(bench: Bench) -> Answer:
        own = [one for one in bench.presented() if str(one.get("signingAuthority", "")).lower() == authority.lower()]
        current = [one for one in own if str(one.get("status", "")).lower() == "current"]
        if not current:
            return not_asked(f"nothing of {authority} is presented")
        text = str(current[0].get("certificate") or "")
        chain = [x509.load_der_x509_certificate(der) for der in pem.blocks(text)[0]]
        if not chain:
            return not_asked("no certificate can be read")
        return _of_leaf(bench, text, chain)

    return probe


def _of_leaf(bench: Bench, text: str, chain: Sequence[x509.Certificate]) -> Answer:
    leaf, names = chain[0], _names(chain[0])
    usage = _extension(leaf, x509.ExtendedKeyUsage)
    access = _extension(leaf, x509.AuthorityInformationAccess)
    points = _extension(leaf, x509.CRLDistributionPoints)
    region = REGIONS.get(bench.region)
    known = region.client_name if region else None
    return taken(
        text=f"{_key(leaf)}; {', '.join(names)}",
        blocks=len(chain),
        line_ends="crlf" if "\r\n" in text else "lf" if "\n" in text else "none",
        root_in_it=any(one.subject == one.issuer for one in chain),
        crl=points is not None,
        ocsp=access is not None and any(one.access_method == AuthorityInformationAccessOID.OCSP for one in access),
        aki=_extension(leaf, x509.AuthorityKeyIdentifier) is not None,
        eku_client_auth="none" if usage is None else str(ExtendedKeyUsageOID.CLIENT_AUTH in usage).lower(),
        names=len(names),
        name="none" if not names else "as-in-the-catalogue" if known in names else "another",
    )


def _extension[T: x509.ExtensionType](leaf: x509.Certificate, kind: type[T]) -> T | None:
    try:
        return leaf.extensions.get_extension_for_class(kind).value
    except (x509.ExtensionNotFound, ValueError):
        return None


def _names(leaf: x509.Certificate) -> list[str]:
    names = _extension(leaf, x509.SubjectAlternativeName)
    return names.get_values_for_type(x509.DNSName) if names is not None else []


def _key(leaf: x509.Certificate) -> str:
    key = leaf.public_key()
    return (
        f"RSA {key.key_size}"
        if isinstance(key, rsa.RSAPublicKey)
        else "EC"
        if isinstance(key, ec.EllipticCurvePublicKey)
        else "other"
    )


PROBES: Sequence[Probe] = (
    Probe("genesys.token.answer", "What a login answers.", _token),
    Probe("genesys.answer.shape", "The members of a page, and of its entities.", _shape),
    Probe("genesys.answer.headers", "The headers of a page, and those of the rate limit.", _headers),
    Probe("genesys.answer.words", "The words of status, type and signing authority.", _values),
    Probe("genesys.paging.page-size", "Whether pageSize is taken.", _page_size),
    Probe("genesys.paging.next-uri", "How the next page is named.", _next_uri),
    Probe("genesys.query.unknown", "A parameter that is not documented.", _query(status="Current", conformance="1")),
    Probe("genesys.query.small-letters", "The status in small letters.", _query(status="current", type="client")),
    Probe("genesys.query.bad-status", "A status that does not exist.", _query(status="Conformance", type="Client")),
    Probe("genesys.query.no-type", "No type.", _query(status="Current")),
    Probe("genesys.error.no-token", "No token.", _no_token),
    Probe("genesys.error.bad-token", "A token that was never given.", _bad_token),
    Probe("genesys.error.no-client", "A login of a client that does not exist.", _no_client),
    Probe("genesys.leaf.genesys", "What the current leaf of Genesys' own authority bears.", _leaf("Genesys")),
    Probe("genesys.leaf.digicert", "What the current leaf of DigiCert bears.", _leaf("DigiCert")),
)
