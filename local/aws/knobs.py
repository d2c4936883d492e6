"""The figures of the real services, each of which a test may turn."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from local.aws.bundle_rules import MAX_SUBJECT_BYTES
from local.aws.stored import Reader, read_object

type ClockFunction = Callable[[], datetime]


@dataclass
class Knobs:
    """Quotas, delays and disputed behaviour. May be changed while the server runs; the next call obeys."""

    max_ca_certificates: int = 25
    """CA certificates per trust store (adjustable at AWS)."""
    max_certificate_bytes: int = 16 * 1024
    """Size of one certificate's PEM block in a trust store."""
    max_subject_bytes: int = MAX_SUBJECT_BYTES
    """What the subjects of a trust store's certificates may take together (adjustable at AWS)."""
    max_trust_stores: int = 20
    """Trust stores per account and region."""
    max_revocation_files: int = 30
    """CRLs per trust store."""
    max_revocation_bytes: int = 50 * 1024 * 1024
    """Size of one CRL file."""
    max_revoked_entries: int = 500_000
    """Revoked entries per trust store, over all its CRLs."""
    download_lifetime: timedelta = timedelta(minutes=10)
    """How long the URL of GetTrustStoreCaCertificatesBundle is good, by the clock."""
    association_resource: Literal["listener", "load_balancer"] = "listener"
    """What DescribeTrustStoreAssociations names; believed, for AWS speaks of listeners there but shows no example.

    Probe ``nlb.trust-store.associations``."""

    settle_reads: int = 1
    """How many Get calls after an update still say UPDATING. Not used when ``settle_delay`` is set."""
    settle_delay: timedelta | None = None
    """How long by the clock a domain stays UPDATING after an update."""
    edge_lag: timedelta = timedelta(0)
    """How long after an update, although the domain is AVAILABLE, clients may still meet the truststore before."""
    update_interval: timedelta = timedelta(seconds=30)
    """One UpdateDomainName per account and region in this time, by the clock."""
    http_domains_visible_in_v1: bool = True
    """Whether a domain created through API Gateway v2 is known to v1.

    Believed: probe ``api-gateway.v1.sees-http-domain``.
    """
    v2_update_wants_configurations: bool = True
    """Whether v2's UpdateDomainName refuses a call without DomainNameConfigurations, as has been seen."""
    max_truststore_bytes: int = 1024 * 1024
    """Size of an API Gateway truststore (believed: probe ``api-gateway.bundle.too-large``)."""
    max_truststore_certificates: int = 1000
    """Certificates of an API Gateway truststore (believed: probe ``api-gateway.bundle.1001-certificates``)."""
    truststore_warnings: tuple[str, ...] = ()
    """What API Gateway says of every truststore that it loads, beside what it finds in it."""

    cloudfront_judges: Literal["at-once", "later"] = "at-once"
    """Whether CloudFront refuses a bad bundle at once, or takes it and then says "failed".

    Probe ``cloudfront.bundle.leaf``.
    """
    cloudfront_keeps_ocsp: bool = True
    """Whether UpdateTrustStore leaves OCSP on where a call does not name it; no document says so.

    Probe ``cloudfront.update.ocsp-left-out``.
    """
    max_cloudfront_bundle_bytes: int = 64 * 1024
    """Size of a CloudFront trust store's bundle (adjustable at AWS)."""
    max_distributions: int = 25
    """Distributions of a CloudFront trust store (adjustable at AWS)."""
    deploy_delay: timedelta = timedelta(0)
    """How long by the clock a distribution stays InProgress after a change."""
    cloudfront_page: int = 100
    """Distributions on a page of ListDistributionsByTrustStore."""

    read_object: Reader = read_object
    """Where bundles, truststores and CRLs are read from: this server's own S3, or another one's."""
