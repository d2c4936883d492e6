"""A CloudFront distribution that verifies viewers: its modes, ETags and times, what its trust store's changes do to it.

Every change of a distribution starts a deployment of some minutes. Only handshakes wait for it.
"""

from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import ClientError

from genesys_certs.conformance import cloudfront, handshakes
from genesys_certs.conformance.asking import refusal, tried
from genesys_certs.conformance.door import Door, Seen
from genesys_certs.conformance.model import Answer, Probe, taken
from genesys_certs.conformance.suite import Suite
from genesys_certs.conformance.workshop import Options, Workshop

PATIENCE, PAUSE = 1800.0, 15.0
"""How long, in seconds, a deployment may take; and between looks."""
_BAD_REQUEST = 400
_ABSENT = "ts_000000000000000000000000"


class Bench(cloudfront.Bench, handshakes.Doorway):
    """One distribution with an alternate name, its trust store, and the bucket that is origin and holds bundles."""

    def __init__(self, workshop: Workshop, options: Options) -> None:
        super().__init__(workshop, options)
        self.settled()
        begun = self.services.timer()
        self.made = workshop.distribution(options, self.id, self.bucket)
        self.distribution = str(self.made["Distribution"]["Id"])
        shown = self.deployed()
        self.deployed_in = self.services.timer() - begun
        self.door = Door(str(shown["DomainName"]), 443, options.domain)

    def now(self) -> tuple[dict[str, Any], str]:
        """The distribution, and its ETag."""
        answer = self.cloudfront.get_distribution(Id=self.distribution)
        return answer["Distribution"], str(answer["ETag"])

    def deployed(self) -> dict[str, Any]:
        """The distribution when it is deployed, or patience is at its end."""
        begun = self.services.timer()
        shown, _ = self.now()
        while shown["Status"] != "Deployed" and self.services.timer() - begun < PATIENCE:
            self.services.wait(PAUSE)
            shown, _ = self.now()
        return shown

    def change(self, etag: str | None = None, **change: Any) -> dict[str, Any]:
        """UpdateDistribution. ``etag``: the present one where it is None; none is sent where it is empty."""
        shown, present = self.now()
        config = {key: one for key, one in (shown["DistributionConfig"] | change).items() if one is not None}
        given = present if etag is None else etag
        match = {"IfMatch": given} if given else {}
        answer: dict[str, Any] = self.cloudfront.update_distribution(
            Id=self.distribution, DistributionConfig=config, **match
        )
        return answer

    def mutual(self, mode: str = "required", **trusts: Any) -> dict[str, Any]:
        """ViewerMtlsConfig with the run's trust store, as CloudFront takes it."""
        return {"Mode": mode, "TrustStoreConfig": {"TrustStoreId": self.id, **trusts}}

    def shown_mutual(self) -> dict[str, Any]:
        """ViewerMtlsConfig, as CloudFront shows it."""
        found: dict[str, Any] = self.now()[0]["DistributionConfig"].get("ViewerMtlsConfig") or {}
        return found

    def restore(self) -> None:
        """As it was made."""
        self.change(ViewerMtlsConfig=self.mutual(), HttpVersion="http2")

    def listed(self, identifier: str) -> list[dict[str, Any]]:
        """What the listing of the trust store's distributions shows of this one."""
        found = self.cloudfront.list_distributions_by_trust_store(TrustStoreIdentifier=identifier)
        items = found["DistributionList"].get("Items", [])
        return [one for one in items if one["Id"] == self.distribution]

    def hold(self, content: bytes) -> None:
        """Load a bundle into the trust store, once every edge knows the distribution. Raises ClientError."""
        self.deployed()
        self.settled()
        self.update(self.put(content))
        self.settled()

    def admits(self, seen: Seen) -> bool:
        """CloudFront names itself where it answers without the origin."""
        return seen.status not in {0, _BAD_REQUEST} and seen.server.lower() != "cloudfront"


def _created(bench: Bench) -> Answer:
    made = bench.made["Distribution"]
    return taken(bench.deployed_in, status=str(made["Status"]), becomes=str(bench.now()[0]["Status"]))


def _shown(bench: Bench) -> Answer:
    """What it shows of mutual TLS beyond what it was told."""
    mutual = bench.shown_mutual()
    trusts = mutual.get("TrustStoreConfig") or {}
    return taken(
        mode=str(mutual.get("Mode", "")),
        advertises=str(trusts.get("AdvertiseTrustStoreCaNames", "not-shown")).lower(),
        ignores_expiry=str(trusts.get("IgnoreCertificateExpiry", "not-shown")).lower(),
    )


def _listing(arn: bool) -> Callable[[Bench], Answer]:  # noqa: FBT001  # which of both identifies the trust store
    def probe(bench: Bench) -> Answer:
        named = str(bench.created["TrustStore"]["Arn"]) if arn else bench.id
        try:
            found = bench.listed(named)
        except ClientError as error:
            return refusal(error)
        mutual = (found[0].get("ViewerMtlsConfig") or {}) if found else {}
        return taken(listed=len(found), shows_mode=str(mutual.get("Mode", "not-shown")))

    return probe


def _mode(mutual: Callable[[Bench], dict[str, Any] | None], **more: Any) -> Callable[[Bench], Answer]:
    """Change mutual TLS, see what it shows and whether the trust store still lists it, and change it back."""

    def probe(bench: Bench) -> Answer:
        try:
            bench.change(ViewerMtlsConfig=mutual(bench), **more)
        except ClientError as error:
            return refusal(error)
        shown, listed = bench.shown_mutual(), len(bench.listed(bench.id))
        bench.restore()
        named = bool((shown.get("TrustStoreConfig") or {}).get("TrustStoreId"))
        return taken(mode=str(shown.get("Mode", "not-shown")), has_trust_store=named, listed=listed)

    return probe


def _http(bench: Bench) -> Answer:
    """Viewers without TLS beside mutual TLS."""
    behavior = bench.now()[0]["DistributionConfig"]["DefaultCacheBehavior"]
    answer = tried(lambda: bench.change(DefaultCacheBehavior=behavior | {"ViewerProtocolPolicy": "allow-all"}))
    bench.change(DefaultCacheBehavior=behavior | {"ViewerProtocolPolicy": "https-only"})
    return answer


def _etag(bench: Bench) -> Answer:
    """Whether a change gives a new ETag, and the deployment no other one."""
    before = bench.now()[1]
    answered = str(bench.change(ViewerMtlsConfig=bench.mutual())["ETag"])
    begun = bench.services.timer()
    bench.deployed()
    stays = bench.now()[1] == answered
    return taken(bench.services.timer() - begun, is_new=answered != before, stays=stays)


def _stale(bench: Bench) -> Answer:
    before = bench.now()[1]
    bench.change(ViewerMtlsConfig=bench.mutual(AdvertiseTrustStoreCaNames=True))
    answer = tried(lambda: bench.change(before, ViewerMtlsConfig=bench.mutual()))
    bench.restore()
    return answer


def _no_etag(bench: Bench) -> Answer:
    return tried(lambda: bench.change("", ViewerMtlsConfig=bench.mutual()))


def _in_progress(bench: Bench) -> Answer:
    """A second change right behind the first."""
    bench.change(ViewerMtlsConfig=bench.mutual(AdvertiseTrustStoreCaNames=True))
    return tried(bench.restore)


def _store_changes(bench: Bench) -> Answer:
    """What an update of the trust store does to the distribution."""
    before, etag = bench.deployed(), bench.now()[1]
    bench.hold(bench.material.root().pem)
    shown, after = bench.now()
    same = str(shown["LastModifiedTime"]) == str(before["LastModifiedTime"])
    return taken(status=str(shown["Status"]), same_etag=after == etag, same_time=same)


def _in_use(bench: Bench) -> Answer:
    etag = bench.shown()[1]
    return tried(lambda: bench.cloudfront.delete_trust_store(Id=bench.id, IfMatch=etag))


def _enabled(bench: Bench) -> Answer:
    etag = bench.now()[1]
    return tried(lambda: bench.cloudfront.delete_distribution(Id=bench.distribution, IfMatch=etag))


def _disabled(bench: Bench) -> Answer:
    """Deleting it while it is being disabled; from here on it is."""
    etag = str(bench.change(Enabled=False)["ETag"])
    return tried(lambda: bench.cloudfront.delete_distribution(Id=bench.distribution, IfMatch=etag))


def _optional(client: bool) -> Callable[[Bench], Answer]:  # noqa: FBT001  # with a certificate of a stranger, or none
    """Who is let in by mode optional."""

    def probe(bench: Bench) -> Answer:
        bench.change(ViewerMtlsConfig=bench.mutual("optional"))
        handshakes.held(bench)
        chain = [handshakes.client_of(bench.material, bench.material.root())] if client else []
        seen = handshakes.met(bench, chain)
        bench.restore()
        return taken(text=seen.words, admitted=bench.admits(seen))

    return probe


_OPTIONAL = "the local edge has no optional mode"
PROBES: Sequence[Probe] = (
    Probe("distribution.create.status", "The status of a new distribution, and when it is deployed.", _created),
    Probe("distribution.create.shown", "What a new distribution shows of mutual TLS.", _shown),
    Probe("distribution.listing.by-id", "The distributions of a trust store, asked by its id.", _listing(arn=False)),
    Probe("distribution.listing.by-arn", "The same by its ARN.", _listing(arn=True)),
    Probe("distribution.trust-store.in-use", "Deleting a trust store that a distribution uses.", _in_use),
    Probe("distribution.trust-store.update", "What an update of the trust store does to it.", _store_changes),
    Probe(
        "distribution.trust-store.absent",
        "A trust store that does not exist.",
        _mode(lambda _: {"Mode": "required", "TrustStoreConfig": {"TrustStoreId": _ABSENT}}),
    ),
    Probe("distribution.mode.optional", "Mode optional.", _mode(lambda bench: bench.mutual("optional"))),
    Probe(
        "distribution.mode.passthrough",
        "Mode passthrough, without a trust store.",
        _mode(lambda _: {"Mode": "passthrough"}),
    ),
    Probe(
        "distribution.mode.passthrough-trust-store",
        "Mode passthrough with a trust store.",
        _mode(lambda bench: bench.mutual("passthrough")),
    ),
    Probe(
        "distribution.mode.no-trust-store",
        "Mode required without a trust store.",
        _mode(lambda _: {"Mode": "required"}),
    ),
    Probe("distribution.mode.left-out", "A change that says nothing of mutual TLS.", _mode(lambda _: None)),
    Probe(
        "distribution.mode.expired-admitted",
        "Certificates that ran out are let in.",
        _mode(lambda bench: bench.mutual(IgnoreCertificateExpiry=True)),
    ),
    Probe(
        "distribution.requirement.http3",
        "HTTP/3 beside mutual TLS.",
        _mode(lambda bench: bench.mutual(), HttpVersion="http2and3"),
    ),
    Probe("distribution.requirement.https", "Viewers without TLS beside mutual TLS.", _http),
    Probe("distribution.etag.change", "Whether a change gives a new ETag, and its deployment none.", _etag),
    Probe("distribution.etag.stale", "A change with an ETag that is no longer the present one.", _stale),
    Probe("distribution.etag.missing", "A change without an ETag.", _no_etag),
    Probe("distribution.update.in-progress", "A second change right behind the first.", _in_progress),
    Probe("distribution.delete.enabled", "Deleting an enabled distribution.", _enabled),
    *handshakes.probes("distribution"),
    Probe(
        "distribution.optional.none",
        "Mode optional: a client without a certificate.",
        _optional(client=False),
        _OPTIONAL,
    ),
    Probe(
        "distribution.optional.stranger", "Mode optional: a stranger's certificate.", _optional(client=True), _OPTIONAL
    ),
    Probe("distribution.delete.in-progress", "Deleting a distribution while it is being disabled.", _disabled),
)

SUITE = Suite(
    service="distribution",
    about="a CloudFront distribution that verifies viewers, and what its viewers meet",
    needs=(("domain",), ("certificate",)),
    makes=(
        "a versioned S3 bucket with some files",
        "a CloudFront trust store",
        "a distribution with the name that you gave, which no DNS record needs to lead to",
    ),
    makes_with=(),
    cost="less than 0.01 USD: requests to S3 and CloudFront. A distribution costs nothing by itself.",
    minutes=100,
    around=20,
    kinds=("distribution", "CloudFront trust store", "bucket"),
    open=Bench,
    probes=PROBES,
)
