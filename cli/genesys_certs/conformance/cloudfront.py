"""CloudFront's trust stores: which bundles are taken, how an update settles, and what becomes of the ETag.

No distribution is made (``distribution`` does that): one takes minutes to come, and as long to go.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from genesys_certs.conformance import bundles, keys
from genesys_certs.conformance.asking import refusal, tried
from genesys_certs.conformance.bench import BucketBench
from genesys_certs.conformance.bundles import Case
from genesys_certs.conformance.keys import Change, Sealed
from genesys_certs.conformance.model import Answer, Probe, not_asked, taken
from genesys_certs.conformance.suite import Suite
from genesys_certs.conformance.workshop import Options, Place, Workshop

PATIENCE, PAUSE = 600.0, 5.0
"""How long, in seconds, an update may be pending; and between looks."""
MOST_STORES = 20
"""The default quota of an account."""
CASES = (
    *("two-roots", "blank-line", "comment", "comment-hyphen", "crlf", "no-final-newline", "preamble", "leaf"),
    *("intermediate", "expired", "duplicate", "same-named-roots", "version-1", "ed25519", "p384", "p521"),
    *("rsa-2048", "rsa-8192", "pss", "sha1", "x509-label", "empty", "25-certificates", "26-certificates", "too-large"),
)


class Bench(BucketBench):
    """One trust store and its bucket."""

    def __init__(self, workshop: Workshop, options: Options) -> None:
        super().__init__(workshop, options)
        self.cloudfront = workshop.client("cloudfront")
        self.created = workshop.cloudfront_trust_store(self.first)
        self.id = str(self.created["TrustStore"]["Id"])

    def shown(self) -> tuple[dict[str, Any], str]:
        """The trust store, and its ETag."""
        answer = self.cloudfront.get_trust_store(Identifier=self.id)
        return answer["TrustStore"], str(answer["ETag"])

    def update(self, place: Place, etag: str = "", client: Any = None, **more: Any) -> str:
        """UpdateTrustStore; the ETag that it answers. ``etag``: the present one where it is empty."""
        source = {"CaCertificatesBundleS3Location": place.location(more.pop("region", self.services.region))}
        answer = (client or self.cloudfront).update_trust_store(
            Id=self.id, IfMatch=etag or self.shown()[1], CaCertificatesBundleSource=source, **more
        )
        return str(answer["ETag"])

    def settled(self) -> tuple[dict[str, Any], str, float]:
        """The trust store when it is no longer pending, its ETag, and how long that took."""
        begun = self.services.timer()
        shown, etag = self.shown()
        while shown["Status"] == "pending" and self.services.timer() - begun < PATIENCE:
            self.services.wait(PAUSE)
            shown, etag = self.shown()
        return shown, etag, self.services.timer() - begun

    def load(self, content: bytes) -> Answer:
        """Update, and see how it settles."""
        before = self.settled()[0].get("NumberOfCaCertificates", 0)
        try:
            self.update(self.put(content))
        except ClientError as error:
            return refusal(error, kept=self.shown()[0].get("NumberOfCaCertificates") == before)
        shown, _, seconds = self.settled()
        number = int(shown.get("NumberOfCaCertificates", -1))
        return taken(seconds, text=str(shown.get("Reason", "")), status=str(shown["Status"]), certificates=number)


def _bundle(case: Case) -> Callable[[Bench], Answer]:
    return lambda bench: bench.load(case.make(bench.material))


def _created(bench: Bench) -> Answer:
    status = str(bench.created["TrustStore"].get("Status", ""))
    _, _, seconds = bench.settled()
    return taken(seconds, status=status)


def _etag(bench: Bench) -> Answer:
    """Whether the ETag of an update stays what it is when the update has settled."""
    bench.settled()
    answered = bench.update(bench.put(bench.material.root().pem))
    at_once = bench.shown()[1] == answered
    _, etag, seconds = bench.settled()
    return taken(seconds, shown_at_once=at_once, stays=etag == answered)


def _stale(bench: Bench) -> Answer:
    """An update with the ETag before the last one."""
    bench.settled()
    before = bench.shown()[1]
    bench.update(bench.put(bench.material.root().pem))
    bench.settled()
    return tried(lambda: bench.update(bench.first, before))


def _tagged(bench: Bench) -> Answer:
    """Whether a tag leaves the ETag as it is, by which is known what a trust store holds: it bears no mark yet."""
    before = bench.settled()[1]
    tags = {"Items": [{"Key": "genesys-certs-conformance-etag", "Value": "asked"}]}
    try:
        bench.cloudfront.tag_resource(Resource=str(bench.created["TrustStore"]["Arn"]), Tags=tags)
    except ClientError as error:
        return refusal(error)
    return taken(stays=bench.settled()[1] == before)


def _while_pending(bench: Bench) -> Answer:
    """A second update right behind the first, with its ETag."""
    bench.settled()
    etag = bench.update(bench.put(bench.material.root().pem))
    answer = tried(lambda: bench.update(bench.first, etag))
    bench.settled()
    return answer


def _update(change: dict[str, str]) -> Callable[[Bench], Answer]:
    """An update with something in it that does not exist."""

    def probe(bench: Bench) -> Answer:
        bench.settled()
        return tried(lambda: bench.update(bench.first._replace(**change)))

    return probe


def _no_store(bench: Bench) -> Answer:
    return tried(lambda: bench.cloudfront.get_trust_store(Identifier="ts_000000000000000000000000"))


def _same_name(bench: Bench) -> Answer:
    return tried(lambda: bench.workshop.cloudfront_trust_store(bench.first))


def _quota(bench: Bench) -> Answer:
    """More trust stores, until there are too many of them in the account."""
    pages = bench.cloudfront.get_paginator("list_trust_stores").paginate()
    count, made = sum(len(page.get("TrustStoreList", [])) for page in pages), []
    answer = taken()
    for number in range(MOST_STORES + 1 - count):
        try:
            made.append(str(bench.workshop.cloudfront_trust_store(bench.first, f"-{number}")["TrustStore"]["Id"]))
        except ClientError as error:
            answer = refusal(error, most=count + number)
            break
    for identity in made:
        _dropped(bench, identity)
    return answer


def _dropped(bench: Bench, identity: str) -> dict[str, Any]:
    """Delete one of several trust stores once it is no longer pending, and give what it came to."""
    shown = bench.cloudfront.get_trust_store(Identifier=identity)
    begun = bench.services.timer()
    while shown["TrustStore"]["Status"] == "pending" and bench.services.timer() - begun < PATIENCE:
        bench.services.wait(PAUSE)
        shown = bench.cloudfront.get_trust_store(Identifier=identity)
    bench.cloudfront.delete_trust_store(Id=identity, IfMatch=shown["ETag"])
    found: dict[str, Any] = shown["TrustStore"]
    return found


def _wrong_region(bench: Bench) -> Answer:
    """A Region that is not the bucket's."""
    bench.settled()
    other = "eu-west-1" if bench.services.region != "eu-west-1" else "us-east-1"
    return tried(lambda: bench.update(bench.first, region=other))


def _other_region(bench: Bench) -> Answer:
    """A bucket in another region."""
    region = bench.options.other_region
    if not region:
        return not_asked("give --other-region")
    bench.settled()
    bucket = bench.workshop.bucket(region)
    place = bench.workshop.put(bucket, "bundle.pem", bench.material.root().pem, region)
    try:
        bench.update(place, region=region)
    except ClientError as error:
        return refusal(error)
    shown, _, seconds = bench.settled()
    return taken(seconds, text=str(shown.get("Reason", "")), status=str(shown["Status"]))


def _other_account(bench: Bench) -> Answer:
    """A bundle from a bucket of another account, whose policy lets the caller read it."""
    bench.settled()
    region = bench.options.other_bucket_region or bench.services.region
    try:
        bench.update(bench.options.elsewhere(), region=region)
    except ClientError as error:
        return refusal(error)
    shown, _, seconds = bench.settled()
    return taken(seconds, text=str(shown.get("Reason", "")), status=str(shown["Status"]))


def _ocsp(bench: Bench) -> Answer:
    """Asking OCSP while no certificate names a responder."""
    bench.settled()
    try:
        bench.update(bench.first, UseClientCertificateOCSPEndpoint=True)
    except ClientError as error:
        return refusal(error)
    shown, _, seconds = bench.settled()
    bench.update(bench.first, UseClientCertificateOCSPEndpoint=False)
    return taken(seconds, text=str(shown.get("Reason", "")), status=str(shown["Status"]))


def _ocsp_left_out(bench: Bench) -> Answer:
    """Whether OCSP stays on at an update that does not name it."""
    bench.settled()
    try:
        bench.update(bench.first, UseClientCertificateOCSPEndpoint=True)
    except ClientError as error:
        return refusal(error)
    bench.settled()
    bench.update(bench.put(bench.material.root().pem))
    stays = bool(bench.settled()[0].get("UseClientCertificateOCSPEndpoint"))
    bench.update(bench.first, UseClientCertificateOCSPEndpoint=False)
    return taken(stays=stays)


def _sealed_created(bench: Bench, file: Sealed, client: Any) -> Answer:
    """One more trust store, which is deleted once it has settled."""
    begun = bench.services.timer()
    made = bench.workshop.cloudfront_trust_store(file.place, f"-{len(bench.workshop.made)}", client)
    shown = _dropped(bench, str(made["TrustStore"]["Id"]))
    return taken(bench.services.timer() - begun, text=str(shown.get("Reason", "")), status=str(shown["Status"]))


def _sealed_update(bench: Bench, file: Sealed, client: Any) -> Answer:
    bench.settled()
    bench.update(file.place, client=client)
    shown, _, seconds = bench.settled()
    return taken(seconds, text=str(shown.get("Reason", "")), status=str(shown["Status"]))


SEALED: Mapping[str, Change[Bench]] = {
    "create": Change("A new trust store's bundle", keys.a_root, _sealed_created),
    "update": Change("A bundle", keys.a_root, _sealed_update),
}
PROBES: Sequence[Probe] = (
    Probe("cloudfront.create.status", "The status that the answer to a creation names.", _created),
    *(Probe(f"cloudfront.bundle.{one}", bundles.CASES[one].asks, _bundle(bundles.CASES[one])) for one in CASES),
    Probe("cloudfront.etag.settling", "Whether the ETag stays as an update answered it.", _etag),
    Probe("cloudfront.etag.stale", "An update with an ETag that is no longer the present one.", _stale),
    Probe("cloudfront.etag.tag", "Whether a tag leaves the ETag as it is.", _tagged),
    Probe("cloudfront.update.while-pending", "A second update right behind the first.", _while_pending),
    Probe("cloudfront.update.wrong-region", "A Region that is not the bucket's.", _wrong_region),
    Probe(
        "cloudfront.update.other-region",
        "A bucket in another region than the run's.",
        _other_region,
        wants=("other_region",),
    ),
    Probe(
        "cloudfront.update.other-account",
        "A bundle from another account's bucket.",
        _other_account,
        wants=("other_bucket",),
    ),
    Probe("cloudfront.update.ocsp", "OCSP, while no certificate names a responder.", _ocsp),
    Probe("cloudfront.update.ocsp-left-out", "OCSP after an update that does not name it.", _ocsp_left_out),
    Probe("cloudfront.error.no-object", "An object that does not exist.", _update({"key": "absent"})),
    Probe("cloudfront.error.no-version", "A version that does not exist.", _update({"version": "A" * 32})),
    Probe("cloudfront.error.no-store", "A trust store that does not exist.", _no_store),
    Probe("cloudfront.error.same-name", "A second trust store of one name.", _same_name),
    *keys.probes("cloudfront", "cloudfront", SEALED),
    Probe("cloudfront.quota.trust-stores", f"{MOST_STORES + 1} trust stores, one above the default quota.", _quota),
)

SUITE = Suite(
    service="cloudfront",
    about="trust stores of CloudFront",
    needs=(),
    makes=(
        "a versioned S3 bucket with some files",
        "a CloudFront trust store that no distribution uses, and up to 20 more for a minute",
    ),
    makes_with=(
        ("other_region", "a second bucket, in the other region"),
        ("kms_key", "up to three more CloudFront trust stores, each for a moment"),
    ),
    uses_with=keys.USES,
    cost="less than 0.01 USD: requests to S3. No distribution is made.",
    minutes=25,
    kinds=("CloudFront trust store", "bucket"),
    open=Bench,
    probes=PROBES,
)
