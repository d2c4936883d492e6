"""Elastic Load Balancing's trust stores (ALB and NLB share them): what is asked of one, and what it gives back."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

from botocore.exceptions import ClientError

from genesys_certs.conformance import bundles, keys, revocations
from genesys_certs.conformance.asking import refusal, tried
from genesys_certs.conformance.bench import BucketBench
from genesys_certs.conformance.bundles import Case
from genesys_certs.conformance.keys import Change, Sealed
from genesys_certs.conformance.model import Answer, Probe, not_asked, taken
from genesys_certs.conformance.suite import Suite
from genesys_certs.conformance.workshop import Options, Workshop
from rotation_watcher.adapters.aws_errors import code
from rotation_watcher.x509 import pem

PATIENCE, PAUSE = 120.0, 2.0
"""How long, in seconds, a new bundle is waited for before the read-back counts as another one; and between looks."""


class Bench(BucketBench):
    """One trust store, its bucket, and a way to load it and to read it back."""

    def __init__(self, workshop: Workshop, options: Options) -> None:
        super().__init__(workshop, options)
        self.elb = workshop.client("elbv2")
        begun = self.services.timer()
        self.created = workshop.trust_store(self.first)
        self.created_in = self.services.timer() - begun
        self.arn = str(self.created["TrustStoreArn"])
        self._wait_until_there()

    def _wait_until_there(self) -> None:
        """Until the service shows it as ACTIVE, which it may do later than it answers (Terraform's provider waits)."""
        begun = self.services.timer()
        while self.services.timer() - begun < PATIENCE:
            try:
                (shown,) = self.elb.describe_trust_stores(TrustStoreArns=[self.arn])["TrustStores"]
            except ClientError as error:
                if code(error) != "TrustStoreNotFound":
                    raise
            else:
                if shown.get("Status") == "ACTIVE":
                    return
            self.services.wait(PAUSE)

    def load(self, content: bytes) -> Answer:
        """Point the trust store at a bundle; where it is taken, read it back until it is no longer the former one."""
        before = self.read()
        try:
            self.elb.modify_trust_store(TrustStoreArn=self.arn, **self.put(content).bundle())
        except ClientError as error:
            return refusal(error, kept=self.read() == before)
        return self.settled(content, before)

    def settled(self, content: bytes, before: bytes) -> Answer:
        """How the new bundle shows."""
        begun = self.services.timer()
        found = self.read()
        while found == before != content and self.services.timer() - begun < PATIENCE:
            self.services.wait(PAUSE)
            found = self.read()
        shown = self.elb.describe_trust_stores(TrustStoreArns=[self.arn])["TrustStores"][0]
        return taken(
            self.services.timer() - begun,
            read_back=_compared(content, found, before),
            certificates=int(shown.get("NumberOfCaCertificates", -1)),
        )

    def url(self) -> str:
        """A pre-signed one: a secret for as long as it is good."""
        return str(self.elb.get_trust_store_ca_certificates_bundle(TrustStoreArn=self.arn)["Location"])

    def read(self) -> bytes:
        """The deployed bundle."""
        return self.services.download(self.url())


def _compared(content: bytes, found: bytes, before: bytes) -> str:
    """How what is read back relates to what was loaded."""
    if found == content:
        return "literal"
    if found == before:
        return "still-the-former-one"
    ours, theirs = (pem.blocks(pem.text_of(one))[0] for one in (content, found))
    if ours == theirs:
        return "normalised"
    if sorted(ours) == sorted(theirs):
        return "in-another-order"
    return "without-duplicates" if {*ours} == {*theirs} else "other-certificates"


def _bundle(case: Case) -> Callable[[Bench], Answer]:
    return lambda bench: bench.load(case.make(bench.material))


def _created(bench: Bench) -> Answer:
    return taken(bench.created_in, status=str(bench.created.get("Status", "")))


def _lag(bench: Bench) -> Answer:
    """Ten changes, one behind the other: whether any read-back right after shows the former bundle."""
    worst, stale = 0.0, 0
    for _ in range(10):
        content, before = bench.material.root().pem, bench.read()
        bench.elb.modify_trust_store(TrustStoreArn=bench.arn, **bench.put(content).bundle())
        begun = bench.services.timer()
        if bench.read() == before:
            stale += 1
            worst = max(worst, bench.settled(content, before).seconds, bench.services.timer() - begun)
    return taken(worst, stale_reads=bool(stale), text=f"{stale} of 10 were stale at first")


def _url_life(bench: Bench) -> Answer:
    expires = parse_qs(urlsplit(bench.url()).query).get("X-Amz-Expires", ["0"])[0]
    return taken(good_for_seconds=int(expires))


def _url_fixed(bench: Bench) -> Answer:
    """Whether a URL gives what was deployed when it was made, after a change."""
    url, before = bench.url(), bench.read()
    bench.load(bench.material.root().pem)
    return taken(gives="the-former-bundle" if bench.services.download(url) == before else "the-new-bundle")


def _again(bench: Bench) -> Answer:
    content = bench.material.root().pem
    place = bench.put(content)
    bench.elb.modify_trust_store(TrustStoreArn=bench.arn, **place.bundle())
    return tried(lambda: bench.elb.modify_trust_store(TrustStoreArn=bench.arn, **place.bundle()))


def _newest(bench: Bench) -> Answer:
    """A change that names no version."""
    before, content = bench.read(), bench.material.root().pem
    place = {**bench.put(content).bundle()}
    del place["CaCertificatesBundleS3ObjectVersion"]
    try:
        bench.elb.modify_trust_store(TrustStoreArn=bench.arn, **place)
    except ClientError as error:
        return refusal(error)
    return bench.settled(content, before)


def _modify(change: dict[str, str], bench: Bench) -> Answer:
    """A change with something in it that does not exist."""
    place = {**bench.first.bundle(), **change}
    return tried(lambda: bench.elb.modify_trust_store(**{"TrustStoreArn": bench.arn, **place}))


def _no_store(bench: Bench) -> Answer:
    arn = f"{bench.arn.rpartition('/')[0]}/0123456789abcdef"
    return tried(lambda: bench.elb.modify_trust_store(TrustStoreArn=arn, **bench.first.bundle()))


def _same_name(bench: Bench) -> Answer:
    return tried(lambda: bench.workshop.trust_store(bench.first))


def _no_versioning_id(bench: Bench) -> Answer:
    return _modify({"CaCertificatesBundleS3ObjectVersion": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}, bench)


def _elsewhere(bench: Bench) -> Answer:
    """A bundle from a bucket in another region."""
    region = bench.options.other_region
    if not region:
        return not_asked("give --other-region")
    bucket = bench.workshop.bucket(region)
    content, before = bench.material.root().pem, bench.read()
    place = bench.workshop.put(bucket, "bundle.pem", content, region)
    try:
        bench.elb.modify_trust_store(TrustStoreArn=bench.arn, **place.bundle())
    except ClientError as error:
        return refusal(error)
    return bench.settled(content, before)


def _other_account(bench: Bench) -> Answer:
    """A bundle from a bucket of another account, whose policy lets the caller read it."""
    place = bench.options.elsewhere().bundle()
    return tried(lambda: bench.elb.modify_trust_store(TrustStoreArn=bench.arn, **place))


def _sealed_created(bench: Bench, file: Sealed, client: Any) -> Answer:
    """One more trust store, which is deleted at once; where that fails, at the end of the run."""
    begun = bench.services.timer()
    made = bench.workshop.trust_store(file.place, f"-{len(bench.workshop.made)}", client)
    seconds = bench.services.timer() - begun
    with suppress(ClientError):
        bench.elb.delete_trust_store(TrustStoreArn=made["TrustStoreArn"])
    return taken(seconds)


def _sealed_update(bench: Bench, file: Sealed, client: Any) -> Answer:
    before = bench.read()
    (client or bench.elb).modify_trust_store(TrustStoreArn=bench.arn, **file.place.bundle())
    return bench.settled(file.content, before)


def _sealed_list(bench: Bench, file: Sealed, client: Any) -> Answer:
    return revocations.added(bench, file.place, client)


SEALED: Mapping[str, Change[Bench]] = {
    "create": Change("A new trust store's bundle", keys.a_root, _sealed_created),
    "update": Change("A bundle", keys.a_root, _sealed_update),
    "revocation": Change("A revocation list", revocations.a_list, _sealed_list),
}
PROBES: Sequence[Probe] = (
    Probe("alb.create.status", "The status that the answer to a creation names.", _created),
    *(Probe(f"alb.bundle.{name}", case.asks, _bundle(case)) for name, case in bundles.CASES.items()),
    Probe("alb.read-back.lag", "Whether a read-back right after a change may show the former bundle.", _lag),
    Probe("alb.read-back.url-life", "For how long the URL of a read-back is good.", _url_life),
    Probe("alb.read-back.url-fixed", "What an older URL gives after a change.", _url_fixed),
    Probe("alb.update.again", "The same version once more.", _again),
    Probe("alb.update.newest", "An object without its version.", _newest),
    Probe("alb.update.other-region", "A bundle from a bucket in another region.", _elsewhere, wants=("other_region",)),
    Probe(
        "alb.update.other-account", "A bundle from another account's bucket.", _other_account, wants=("other_bucket",)
    ),
    Probe(
        "alb.error.no-object",
        "An object that does not exist.",
        partial(_modify, {"CaCertificatesBundleS3Key": "absent"}),
    ),
    Probe("alb.error.no-version", "A version that does not exist.", _no_versioning_id),
    Probe("alb.error.no-store", "A trust store that does not exist.", _no_store),
    Probe("alb.error.same-name", "A second trust store of one name.", _same_name),
    *revocations.REVOCATIONS,
    *keys.probes("alb", "elbv2", SEALED),
)


def open_bench(workshop: Workshop, options: Options) -> Any:
    """Make the bucket and the trust store."""
    return Bench(workshop, options)


SUITE = Suite(
    service="alb",
    about="trust stores of Elastic Load Balancing",
    needs=(),
    makes=(
        "a versioned S3 bucket with some hundred small files",
        "a trust store that no listener uses",
    ),
    makes_with=(
        ("other_region", "a second bucket, in the other region"),
        ("kms_key", "up to three more trust stores, each for a moment"),
    ),
    uses_with=keys.USES,
    cost="less than 0.01 USD: requests to S3. A trust store is billed while a listener uses it; this one has none.",
    minutes=5,
    kinds=("trust store", "bucket"),
    open=open_bench,
    probes=PROBES,
)
