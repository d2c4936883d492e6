"""Revocation lists of a trust store of Elastic Load Balancing: what is taken, how it shows, which errors there are."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from genesys_certs.conformance.asking import refusal, tried
from genesys_certs.conformance.model import Answer, Probe, taken
from genesys_certs.conformance.workshop import Place

MOST_FILES = 30
"""The default quota of a trust store."""
_TYPE = "CRL"


def _content(bench: Any, body: bytes, key: str = "list.pem") -> dict[str, str]:
    return _named(bench.put(body, key))


def _named(place: Place) -> dict[str, str]:
    return {"S3Bucket": place.bucket, "S3Key": place.key, "S3ObjectVersion": place.version, "RevocationType": _TYPE}


def _add(bench: Any, *contents: dict[str, str], client: Any = None) -> list[dict[str, Any]]:
    elb = client or bench.elb
    added = elb.add_trust_store_revocations(TrustStoreArn=bench.arn, RevocationContents=[*contents])
    return list(added["TrustStoreRevocations"])


def a_list(bench: Any) -> bytes:
    """One of a CA that the trust store does not hold, with one entry. PEM."""
    return _strange(bench).public_bytes(Encoding.PEM)


def added(bench: Any, place: Place, client: Any) -> Answer:
    """Whether a list is taken, in the name of a client (None: the bench's). It is removed again. Raises ClientError."""
    (one,) = _add(bench, _named(place), client=client)
    _remove(bench, int(one["RevocationId"]))
    return taken(entries=int(one.get("NumberOfRevokedEntries", -1)))


def _remove(bench: Any, *numbers: int) -> None:
    bench.elb.remove_trust_store_revocations(TrustStoreArn=bench.arn, RevocationIds=[*numbers])


@contextmanager
def loaded(bench: Any, body: bytes) -> Iterator[None]:
    """A list (PEM) is there for the length of the block. Raises ClientError."""
    numbers = [int(one["RevocationId"]) for one in _add(bench, _content(bench, body))]
    try:
        yield
    finally:
        _remove(bench, *numbers)


def _added(bench: Any, body: bytes) -> Answer:
    """Add a list, see how it shows, and take it away again."""
    try:
        (one,) = _add(bench, _content(bench, body))
    except ClientError as error:
        return refusal(error)
    begun = bench.services.timer()
    number, entries = int(one["RevocationId"]), int(one.get("NumberOfRevokedEntries", -1))
    shown = _shown(bench, number)
    while shown is None and bench.services.timer() - begun < 120:  # noqa: PLR2004  # seconds
        bench.services.wait(2.0)
        shown = _shown(bench, number)
    seconds = bench.services.timer() - begun
    url = bench.elb.get_trust_store_revocation_content(TrustStoreArn=bench.arn, RevocationId=number)["Location"]
    literal = bench.services.download(str(url)) == body
    _remove(bench, number)
    return taken(seconds, entries=entries, shown=-1 if shown is None else shown, literal=literal)


def _shown(bench: Any, number: int) -> int | None:
    """The entries that the listing shows of a list; None: it is not there."""
    found = bench.elb.describe_trust_store_revocations(TrustStoreArn=bench.arn)["TrustStoreRevocations"]
    return next((int(one["NumberOfRevokedEntries"]) for one in found if int(one["RevocationId"]) == number), None)


def _list(
    make: Callable[[Any], x509.CertificateRevocationList], encoding: Encoding = Encoding.PEM
) -> Callable[[Any], Answer]:
    """A list of the root that the trust store holds."""

    def probe(bench: Any) -> Answer:
        return _added(bench, make(bench).public_bytes(encoding))

    return probe


def _own(bench: Any, serials: int, **more: Any) -> x509.CertificateRevocationList:
    root = bench.material.root()
    bench.load(root.pem)
    found: x509.CertificateRevocationList = bench.material.crl(root, serials, **more)
    return found


def _strange(bench: Any) -> x509.CertificateRevocationList:
    """A list of a CA that the trust store does not hold."""
    found: x509.CertificateRevocationList = bench.material.crl(bench.material.root(), 1)
    return found


def _two(bench: Any) -> Answer:
    return _added(bench, b"".join(_strange(bench).public_bytes(Encoding.PEM) for _ in range(2)))


def _twice(bench: Any) -> Answer:
    """One file added twice: whether it is there twice."""
    content = _content(bench, _own(bench, 1).public_bytes(Encoding.PEM))
    try:
        numbers = [int(one["RevocationId"]) for _ in range(2) for one in _add(bench, content)]
    except ClientError as error:
        return refusal(error)
    _remove(bench, *{*numbers})
    return taken(different_ids=len({*numbers}) == len(numbers))


def _too_many(bench: Any) -> Answer:
    content = [_content(bench, _strange(bench).public_bytes(Encoding.PEM), f"{n}.pem") for n in range(MOST_FILES + 1)]
    try:
        numbers = [int(one["RevocationId"]) for each in content for one in _add(bench, each)]
    except ClientError as error:
        answer = refusal(error)
    else:
        answer = taken()
        del numbers
    found = bench.elb.describe_trust_store_revocations(TrustStoreArn=bench.arn)["TrustStoreRevocations"]
    _remove(bench, *(int(one["RevocationId"]) for one in found))
    return answer


def _no_object(bench: Any) -> Answer:
    content = {"S3Bucket": bench.bucket, "S3Key": "absent", "RevocationType": _TYPE}
    return tried(lambda: _add(bench, content))


def _no_id(bench: Any) -> Answer:
    return tried(lambda: _remove(bench, 999_999_999))


def _no_id_content(bench: Any) -> Answer:
    return tried(
        lambda: bench.elb.get_trust_store_revocation_content(TrustStoreArn=bench.arn, RevocationId=999_999_999)
    )


REVOCATIONS = (
    Probe("alb.revocation.pem", "A list of a CA of the trust store, PEM.", _list(lambda b: _own(b, 3))),
    Probe("alb.revocation.der", "The same in DER.", _list(lambda b: _own(b, 3), Encoding.DER)),
    Probe("alb.revocation.empty", "A list without entries.", _list(lambda b: _own(b, 0))),
    Probe("alb.revocation.ended", "A list that ran out two days ago.", _list(lambda b: _own(b, 1, ended=True))),
    Probe(
        "alb.revocation.partitioned",
        "A list with a critical issuing distribution point.",
        _list(lambda b: _own(b, 1, point="http://crl.invalid/part.crl")),
    ),
    Probe("alb.revocation.other-issuer", "A list of a CA that the trust store does not hold.", _list(_strange)),
    Probe("alb.revocation.two-in-one", "Two lists in one file.", _two),
    Probe("alb.revocation.twice", "One list twice.", _twice),
    Probe("alb.revocation.31-files", "31 lists, one above the default quota.", _too_many),
    Probe("alb.revocation.no-object", "An object that does not exist.", _no_object),
    Probe("alb.revocation.no-id", "Removing an id that does not exist.", _no_id),
    Probe("alb.revocation.no-id-content", "Reading an id that does not exist.", _no_id_content),
)
