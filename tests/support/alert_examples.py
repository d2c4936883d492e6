"""One alert of every builder, with data as it really looks: for tests of whatever shows or carries alerts."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from rotation_watcher.alerts import builders
from rotation_watcher.alerts.builders import Ending, FileChange, Named, Role, ending
from rotation_watcher.alerts.fills import Fill
from rotation_watcher.alerts.model import Alert, Origin, Severity, SourceName, TargetName
from rotation_watcher.alerts.stamping import Stack, stamped
from rotation_watcher.errors import SourceReason
from rotation_watcher.keys import Place
from rotation_watcher.kinds import Door, DoorKind
from rotation_watcher.trust.findings import Finding
from rotation_watcher.x509.crl_facts import CrlFacts
from rotation_watcher.x509.facts import CertificateFacts

NOW = datetime(2026, 11, 23, 15, 30, tzinfo=UTC)
SINCE = NOW - timedelta(hours=7)
BUCKET = "genesys-certificate-watcher-bucket-1x2y3z4a5b6c"
SOURCE = SourceName("use1", "us-east-1")
OTHER = SourceName("use1-emea", "us-east-1")
ALB = TargetName(
    "alb",
    "arn:aws:elasticloadbalancing:us-east-1:111122223333:truststore/genesys-clients/0123456789abcdef",
    "ALB trust store genesys-clients",
)
PAYMENTS = TargetName(
    "payments-dublin",
    "arn:aws:elasticloadbalancing:eu-west-1:222222222222:truststore/payments/73e2d6bc24d8a067",
    "ALB trust store payments-dublin",
    "222222222222",
)
DOMAIN = TargetName(
    "api",
    "arn:aws:apigateway:us-east-1::/domainnames/data-actions.api.example.com",
    "API Gateway domain data-actions.api.example.com",
)
DOOR = TargetName(
    "door",
    "arn:aws:elasticloadbalancing:us-east-1:111122223333:listener/net/genesys-door/0123456789abcdef/fedcba9876543210",
    "NLB listener genesys-door",
)
EDGE = TargetName(
    "edge",
    "arn:aws:cloudfront::111122223333:trust-store/ts_0a1b2c3d4e5f",
    "CloudFront trust store ts_0a1b2c3d4e5f",
)
DISTRIBUTION = "arn:aws:cloudfront::111122223333:distribution/E1EXAMPLE"
LISTENER = "arn:aws:elasticloadbalancing:us-east-1:111122223333:listener/app/edge/0a1b2c3d4e5f6071/8192a3b4c5d6e7f8"
NAMED, PARTNERS = "san-dns exact us-east-1.data-actions.mypurecloud.com", "subject-ou prefix Partner"
ROOT = "CN=Genesys Cloud us-east-1 Root CA,O=Genesys Telecommunications Laboratories Inc.,ST=Indiana,C=US"
CLIENT_CA = "CN=DigiCert Assured ID Client CA G2,OU=www.digicert.com,O=DigiCert Inc,C=US"


LEAF_NAME = "us-east-1.data-actions.mypurecloud.com"


def facts(
    mark: str,
    *,
    subject: str = "",
    name: str = LEAF_NAME,
    issuer: str = CLIENT_CA,
    starts: int = -300,
    ends: int = 65,
) -> CertificateFacts:
    """A leaf whose digests begin with ``mark`` (hex), or a CA: then with its ``subject``, and without ``name``.

    ``starts`` and ``ends`` are days from NOW.
    """
    return CertificateFacts(
        fingerprint=(mark + "5f0a9c3b7e41d286" * 4)[:64],
        spki_sha256=(mark + "17c4e8a05b93d62f" * 4)[:64],
        subject=subject or f"CN={name},O=Genesys Cloud Services\\, Inc.,L=Menlo Park,ST=California,C=US",
        issuer=issuer,
        serial="0A1B2C3D4E5F60718293A4B5C6D7E8F9",
        names=() if subject else (name,),
        not_before=NOW + timedelta(days=starts),
        not_after=NOW + timedelta(days=ends),
    )


CURRENT = facts("c1")
UPCOMING = facts("a7", starts=-1, ends=395)
EARLY = facts("ea", starts=9, ends=395)
TLS_ROOT = facts("d8", subject="CN=DigiCert TLS Client Root 2026,O=DigiCert Inc,C=US", ends=5400)
ELSEWHERE = facts(
    "e3", issuer="CN=DigiCert TLS Client RSA4096 SHA256 2026 CA1,O=DigiCert Inc,C=US", starts=-1, ends=395
)
FRANKFURT = facts(
    "f4",
    name="eu-central-1.data-actions.mypurecloud.de",
    issuer="CN=DigiCert TLS Client RSA4096 SHA256 2026 CA1,O=DigiCert Inc,C=US",
    starts=-1,
    ends=395,
)
EXPIRED = facts("9d", starts=-367, ends=-2)
INTERMEDIATE = facts("b2", subject=CLIENT_CA, issuer="CN=DigiCert Assured ID Root G2,O=DigiCert Inc,C=US", ends=2500)
DIGICERT_ROOT = facts("7d", subject="CN=DigiCert Assured ID Root G2,O=DigiCert Inc,C=US", ends=4060)
PARTNER = facts(
    "f0", subject="CN=Partner Ltd. Client Root,O=Partner Ltd.,C=GB", issuer="CN=Partner Ltd. Client Root", ends=900
)
NEW_ROOT = "CN=Genesys Cloud us-east-1 Root CA G2,O=Genesys Cloud Services\\, Inc.,ST=Indiana,C=US"
REGIONAL = facts("6b", issuer=NEW_ROOT, starts=-1, ends=395)
REGIONAL_ROOT = facts("4e", subject=NEW_ROOT, issuer=NEW_ROOT, ends=3600)


def ending_of(
    of_what: CertificateFacts,
    days: int,
    severity: Severity,
    *,
    role: Role = Role.LEAF,
    of: str = "us-east-1",
    file: str = "",
    fresh: bool = False,
) -> Ending:
    """A certificate that ends so many days from NOW."""
    return Ending(
        role=role,
        of=of,
        authority="Genesys" if role in {Role.LEAF, Role.ANCHOR} else "",
        subject=of_what.subject,
        fingerprint=of_what.fingerprint,
        at=NOW + timedelta(days=days, hours=2),
        file=file,
        fresh=fresh,
        severity=severity,
    )


WRONG_NAME = Finding(
    "name-mismatch",
    "bears the names eu-central-1.data-actions.mypurecloud.de, not us-east-1.data-actions.mypurecloud.com",
)
UNTRUSTED = Finding(
    "chain-untrusted", "no path to an anchor: CN=DigiCert TLS Client Root 2026 is not among the 14 anchors"
)

LIST = "http://crl3.digicert.com/DigiCertAssuredIDClientCAG2.crl"
HELD_LIST = CrlFacts(
    fingerprint="3c" * 32,
    issuer=CLIENT_CA,
    number="1F4",
    this_update=NOW - timedelta(days=6),
    next_update=NOW + timedelta(days=1),
    entries=10_432,
)

STACK = Stack(
    origin=Origin(
        stack="genesys-watcher", account="111122223333", environment="prod", region="us-east-1", version="1.2.3"
    ),
    partition="aws",
    bucket=BUCKET,
    functions={
        Fill.COLLECT: "genesys-watcher-CollectFunction-1A2b3C4d5E6f",
        Fill.PUBLISH: "genesys-watcher-PublishFunction-6F5e4D3c2B1a",
        Fill.REFRESH_CRLS: "genesys-watcher-RefreshCrlsFunction-0Z9y8X7w6V5u",
        Fill.REPORT: "genesys-watcher-ReportFunction-5T4s3R2q1P0o",
    },
    log_group="/genesys-certificate-watcher/genesys-watcher/collect",
    runbook="https://wiki.example.com/genesys/runbook.html",
)
"""Who delivers the examples."""

EXAMPLES: Mapping[str, Alert] = {
    "upcoming_published": builders.upcoming_published(
        source=SOURCE, authority="DigiCert", upcoming=UPCOMING, current=CURRENT, now=NOW
    ),
    "rotated": builders.rotated(
        source=SOURCE, authority="DigiCert", new=UPCOMING, old=CURRENT, retire_after=NOW + timedelta(days=30), now=NOW
    ),
    "rotated_early": builders.rotated(
        source=SOURCE, authority="Genesys", new=EARLY, old=CURRENT, retire_after=NOW + timedelta(days=30), now=NOW
    ),
    "early_at_first": builders.rotated(
        source=SOURCE,
        authority="DigiCert",
        new=EARLY,
        old=None,
        retire_after=NOW + timedelta(days=30),
        first=True,
        now=NOW,
    ),
    "issuer_changed": builders.issuer_changed(
        source=SOURCE,
        authority="DigiCert",
        status="upcoming",
        new=ELSEWHERE,
        old=CURRENT,
        authorities=["b2" * 32, "7d" * 32],
        reach=builders.Reach.NOT_KEPT,
        now=NOW,
    ),
    "name_learned": builders.name_learned(
        source=SOURCE, authority="DigiCert", leaf=CURRENT, names=CURRENT.names, believed=None, now=NOW
    ),
    "name_learned_against_the_catalogue": builders.name_learned(
        source=SOURCE,
        authority="DigiCert",
        leaf=UPCOMING,
        names=(*CURRENT.names, "client.example"),
        believed="dataactions.prod.us-east-1.mypurecloud.com",
        now=NOW,
    ),
    "names_uncertain": builders.names_uncertain(
        source=SOURCE,
        authority="DigiCert",
        doubt="2 certificates that verify bear no name in common",
        leaves=[CURRENT, FRANKFURT],
        believed="dataactions.prod.us-east-1.mypurecloud.com",
        since=SINCE,
        now=NOW,
    ),
    "went_back": builders.went_back(
        source=SOURCE,
        authority="DigiCert",
        leaf=CURRENT,
        newer=UPCOMING,
        until=NOW + timedelta(days=30),
        since=SINCE,
        now=NOW,
    ),
    "clock_ahead": builders.clock_ahead(
        source=SOURCE, found={"last read": NOW + timedelta(days=60)}, since=SINCE, now=NOW
    ),
    "quarantined": builders.quarantined(
        source=SOURCE,
        authority="DigiCert",
        status="upcoming",
        entity=FRANKFURT.fingerprint,
        leaf=FRANKFURT,
        root=TLS_ROOT,
        reasons=[UNTRUSTED, WRONG_NAME],
        approvable=True,
        accepted_before=True,
        anchors=Place(BUCKET, "anchors/digicert.pem"),
        since=SINCE,
        now=NOW,
    ),
    "quarantined_without_a_chain": builders.quarantined(
        source=SOURCE,
        authority="Genesys",
        status="upcoming",
        entity=REGIONAL.fingerprint,
        leaf=REGIONAL,
        root=None,
        reasons=[
            Finding(
                "chain-untrusted",
                f"its issuer ({NEW_ROOT}) is neither an anchor nor among the certificates presented with it",
            )
        ],
        approvable=True,
        accepted_before=True,
        anchors=Place(BUCKET, "anchors/us-east-1.pem"),
        since=SINCE,
        now=NOW,
    ),
    "quarantined_on_day_one": builders.quarantined(
        source=SOURCE,
        authority="Genesys",
        status="current",
        entity=REGIONAL.fingerprint,
        leaf=REGIONAL,
        root=REGIONAL_ROOT,
        reasons=[Finding("chain-untrusted", "no path to an anchor: the root is not among the 1 anchors")],
        approvable=True,
        accepted_before=False,
        anchors=Place(BUCKET, "anchors/us-east-1.pem"),
        since=SINCE,
        now=NOW,
    ),
    "quarantined_for_good": builders.quarantined(
        source=SOURCE,
        authority="Genesys",
        status="current",
        entity="text-" + "4b" * 32,
        leaf=None,
        root=None,
        reasons=[Finding("malformed", "bad-base64: block 1 of the text is cut off")],
        approvable=False,
        accepted_before=True,
        anchors=Place(BUCKET, "anchors/us-east-1.pem"),
        since=SINCE,
        now=NOW,
    ),
    "flood": builders.flood(
        source=SOURCE,
        authority="Genesys",
        counts={"current not trusted": 19_995},
        left=5,
        examples=["text-" + "4b" * 32],
        accepted=False,
        blind=False,
        since=SINCE,
        now=NOW,
    ),
    "approved": builders.approved(
        source=SOURCE,
        authority="DigiCert",
        leaf=ELSEWHERE,
        by="Ada Lovelace",
        why="confirmed by Genesys support, case 0123456",
        until=NOW + timedelta(days=397),
        lifted=[UNTRUSTED],
        root=TLS_ROOT,
        now=NOW,
    ),
    "file_damaged": builders.file_damaged(
        subject=ALB,
        bucket=BUCKET,
        key="extra/our-other-clients.pem",
        faults=[(41, "truncated", "212 bytes are missing"), (60, "not-a-ca", "this is no CA certificate (CN=client)")],
        used=2,
        since=SINCE,
        now=NOW,
    ),
    "file_damaged_key": builders.file_damaged(
        subject=SOURCE,
        bucket=BUCKET,
        key="anchors/us-east-1.pem",
        faults=[(31, "private-key", "a block PRIVATE KEY: replace the key wherever it came from")],
        used=1,
        since=SINCE,
        now=NOW,
    ),
    "operator_file_changed": builders.operator_file_changed(
        change=FileChange(
            key="extra/our-other-clients.pem",
            at=NOW - timedelta(minutes=3),
            was_there=True,
            is_there=True,
            came=(Named("CN=Partner Root,O=Partner", "5e" * 32),),
            former="3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY",
            by=("AWS:AROA2EXAMPLEROLE:alice",),
            addresses=("203.0.113.7",),
        ),
        bucket=BUCKET,
        now=NOW,
    ),
    "operator_file_changed_unsaid": builders.operator_file_changed(
        change=FileChange(
            key="anchors/us-east-1.pem",
            at=NOW - timedelta(minutes=3),
            was_there=True,
            is_there=False,
            went=(Named(ROOT, "0a" * 32),),
            former="3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY",
        ),
        bucket=BUCKET,
        now=NOW,
    ),
    "operator_file_changed_set_back": builders.operator_file_changed(
        change=FileChange(
            key="extra/partners.pem",
            at=NOW - timedelta(minutes=3),
            was_there=True,
            is_there=True,
            came=(Named("CN=Partner Root,O=Partner", "5e" * 32),),
            older=True,
            skipped=12,
            lost=True,
            claimed=True,
            by=("AWS:AROA2EXAMPLEROLE:alice",),
            addresses=("203.0.113.7",),
        ),
        bucket=BUCKET,
        now=NOW,
    ),
    "operator_file_changed_approval": builders.operator_file_changed(
        change=FileChange(
            key=f"approvals/{'1b' * 32}.json",
            at=NOW - timedelta(minutes=3),
            was_there=False,
            is_there=True,
            certificate=Named("CN=us-east-1.data-actions.mypurecloud.com", "1b" * 32),
            until=NOW + timedelta(days=90),
            root="0a" * 32,
            by=("AWS:AIDA2EXAMPLEUSER",),
            addresses=("203.0.113.7",),
        ),
        bucket=BUCKET,
        now=NOW,
    ),
    "operator_files_changed": builders.operator_files_changed(
        changes=[
            FileChange(
                key=f"extra/{name}.pem",
                at=NOW - timedelta(minutes=3),
                was_there=name == "london",
                is_there=True,
                former="3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY" if name == "london" else None,
                came=(Named("CN=Partner Root,O=Partner", "5e" * 32),),
                skipped=2 if name == "london" else 0,
                by=("AWS:AROA2EXAMPLEROLE:deploy",),
            )
            for name in ("london", "paris", "rome", "vienna")
        ],
        more=9,
        bucket=BUCKET,
        digest="0123456789abcdef",
        now=NOW,
    ),
    "unusual_certificate": builders.unusual_certificate(
        target=ALB, files={"extra/our-other-clients.pem": [PARTNER]}, since=SINCE, now=NOW
    ),
    "left_out": builders.left_out(
        target=ALB,
        certificates=[(PARTNER, "its RSA key has 1024 bits, and 2048 to 8192 are taken", ["extra/partner.pem"])],
        needing=[],
        since=SINCE,
        now=NOW,
    ),
    "left_out_no_room": builders.left_out(
        target=ALB,
        certificates=[(PARTNER, "there is no room for it: 25 certificates are allowed, and 26 are needed", [])],
        needing=[],
        full=True,
        since=SINCE,
        now=NOW,
    ),
    "left_out_needed": builders.left_out(
        target=ALB,
        certificates=[(DIGICERT_ROOT, "it is signed with sha1, and only sha256, sha384, sha512 are taken", [])],
        needing=[CURRENT],
        since=SINCE,
        now=NOW,
    ),
    "target_locked": builders.target_locked(
        target=DOMAIN,
        status="PENDING_OWNERSHIP_VERIFICATION",
        said="PENDING_OWNERSHIP_VERIFICATION: The ownership verification certificate has expired.",
        missing=[UPCOMING],
        expiring=[],
        since=SINCE,
        now=NOW,
    ),
    "filtered_out": builders.filtered_out(
        target=ALB,
        endpoint="arn:aws:elasticloadbalancing:us-east-1:111122223333:listener/net/edge/0a1b2c3d4e5f6071/1",
        filters=["san-dns exact partner.example.com"],
        leaves=[CURRENT],
        since=SINCE,
        now=NOW,
    ),
    "anchor_missing": builders.anchor_missing(
        source=SOURCE,
        authority="Genesys",
        problem="anchors/us-east-1.pem does not exist.",
        bucket=BUCKET,
        key="anchors/us-east-1.pem",
        since=SINCE,
        now=NOW,
    ),
    "sources_disagree": builders.sources_disagree(
        source=SOURCE,
        other=OTHER,
        authority="DigiCert",
        mine=[CURRENT.fingerprint],
        theirs=[UPCOMING.fingerprint],
        since=SINCE,
        now=NOW,
    ),
    "expired": builders.expired(source=SOURCE, authority="DigiCert", leaf=EXPIRED, now=NOW),
    "expiring": builders.expiring(
        ends=[
            ending_of(CURRENT, 29, Severity.WARNING, fresh=True),
            ending_of(REGIONAL_ROOT, 22, Severity.WARNING, role=Role.ANCHOR, file="anchors/us-east-1.pem"),
            ending_of(PARTNER, -3, Severity.WARNING, role=Role.EXTRA, of="bundle main", file="extra/partner.pem"),
        ],
        since=SINCE,
        now=NOW,
    ),
    "expiring_now": builders.expiring(
        ends=[ending_of(INTERMEDIATE, 6, Severity.CRITICAL, role=Role.CA, of="bundle main", fresh=True)],
        since=SINCE,
        now=NOW,
    ),
    "expiring_later": builders.expiring(
        ends=[ending_of(CURRENT, 60, Severity.INFO, of=f"region-{n}", fresh=True) for n in range(12)],
        since=SINCE,
        now=NOW,
    ),
    "source_failing": builders.source_failing(
        source=SOURCE,
        reason=SourceReason.CREDENTIALS_REFUSED,
        message="login.mypurecloud.com refused the OAuth client (status 401).",
        authority=None,
        since=SINCE,
        last_good=SINCE - timedelta(minutes=15),
        now=NOW,
        secret="arn:aws:ssm:us-east-1:111122223333:parameter/genesys/oauth",
    ),
    "authority_absent": builders.source_failing(
        source=SOURCE,
        reason=SourceReason.AUTHORITY_ABSENT,
        message="The API shows no current certificate of the authority DigiCert.",
        authority="DigiCert",
        since=SINCE,
        last_good=None,
        now=NOW,
    ),
    "change_planned": builders.change_planned(
        target=ALB,
        bundle="main",
        added=[INTERMEDIATE, DIGICERT_ROOT],
        removed=[],
        kept=3,
        refused=[],
        presented=False,
        content="5e" * 32,
        since=SINCE,
        now=NOW,
    ),
    "change_planned_refusing": builders.change_planned(
        target=DOMAIN,
        bundle="main",
        added=[INTERMEDIATE, DIGICERT_ROOT],
        removed=[],
        kept=3,
        refused=[CURRENT],
        presented=True,
        content="5e" * 32,
        since=SINCE,
        now=NOW,
    ),
    "truststore_updated": builders.truststore_updated(
        target=ALB,
        added=[INTERMEDIATE, DIGICERT_ROOT],
        removed=[],
        kept_foreign=1,
        bucket=BUCKET,
        key="targets/alb/bundle.pem",
        version="3HL4kqtJvjVBH40Nrjfkd",
        proof="bytes",
        content="5e" * 32,
        since=SINCE,
        now=NOW,
    ),
    "shared_authority_deployed": builders.shared_authority_deployed(
        target=ALB,
        at_load_balancer=True,
        authorities_subjects=[DIGICERT_ROOT.subject],
        pins_key="bundles/main/pins.json",
        now=NOW,
    ),
    "shared_authority_deployed_domain": builders.shared_authority_deployed(
        target=DOMAIN,
        at_load_balancer=False,
        authorities_subjects=[DIGICERT_ROOT.subject],
        pins_key="bundles/main/pins.json",
        now=NOW,
    ),
    "shared_authority_deployed_cloudfront": builders.shared_authority_deployed(
        target=EDGE,
        at_load_balancer=False,
        at_cloudfront=True,
        authorities_subjects=[DIGICERT_ROOT.subject],
        pins_key="bundles/main/pins.json",
        now=NOW,
    ),
    "truststore_content_unknown": builders.truststore_update_failed(
        target=EDGE,
        reason="content-unknown",
        message=(
            "its service does not give back what it holds, and nobody has said what it holds: its ETag is"
            " E2QWRUHEXAMPLE, and it counts 3 CA certificates"
        ),
        missing=[],
        content="",
        adopt="extra/adopted/ts_0a1b2c3d4e5f/E2QWRUHEXAMPLE.pem",
        since=SINCE,
        now=NOW,
    ),
    "truststore_update_failed": builders.truststore_update_failed(
        target=ALB,
        reason="bundle-rejected",
        message="InvalidCaCertificatesBundle: the certificate bundle is not valid",
        missing=[CURRENT],
        content="5e" * 32,
        since=SINCE,
        now=NOW,
    ),
    "truststore_held": builders.truststore_update_failed(
        target=DOMAIN,
        reason="held",
        message="Nothing has been deployed since 2026-11-23 08:30 UTC (by-hand).",
        missing=[UPCOMING],
        content="5e" * 32,
        since=SINCE,
        now=NOW,
    ),
    "rolled_back": builders.rolled_back(
        target=ALB,
        from_version="8gN2vbzqkd0Ja6mQnVZ1x",
        to_version="3HL4kqtJvjVBH40Nrjfkd",
        why=f"What was read back after the update refuses the accepted leaf {CURRENT.fingerprint[:16]}.",
        by_hand=False,
        returned=[],
        left=[INTERMEDIATE],
        now=NOW,
    ),
    "drift_found": builders.drift_found(
        target=DOMAIN,
        added=[PARTNER],
        removed=[INTERMEDIATE, DIGICERT_ROOT],
        moved_from="version 3HL4kqtJvjVBH40Nrjfkd",
        moved_to="s3://another-bucket/truststore.pem, version 1",
        refused=[CURRENT],
        will_heal=True,
        call="UpdateDomainName",
        proved=SINCE,
        since=SINCE,
        now=NOW,
    ),
    "configuration_refused": builders.configuration_refused(
        mistakes=[
            "mode (line 2): 'aply' is not one of observe, apply. Did you mean apply?",
            "targets[0].bundle (line 14): there is no bundle 'mian'; there is: main. Did you mean main?",
        ],
        digest="0f343b0931126a20",
        good_since=SINCE,
        since=NOW,
        now=NOW,
    ),
    "no_longer_watched": builders.no_longer_watched(
        targets={
            "orders": "arn:aws:elasticloadbalancing:eu-west-1:111122223333:truststore/orders/9d3f1c2b4a5e6f70",
            "billing": "arn:aws:apigateway:eu-west-1::/domainnames/billing.example.com",
        },
        sources={"dublin": "eu-west-1"},
        now=NOW,
    ),
    "alerts_forged": builders.alerts_forged(subject=ALB, place="targets/alb/record.json", since=SINCE, now=NOW),
    "state_deleted": builders.state_deleted(subject=DOMAIN, place="targets/api-1a2b3c4d/record.json", now=NOW),
    "history_deleted": builders.state_deleted(subject=SOURCE, place="sources/use1/history.json", now=NOW),
    "configuration_forged": builders.configuration_forged(since=SINCE, now=NOW),
    "contended": builders.contended(
        target=DOMAIN,
        times=3,
        added=[PARTNER],
        removed=[INTERMEDIATE],
        refused=[],
        call="UpdateDomainName",
        started=SINCE,
        since=NOW,
        now=NOW,
    ),
    "mtls_off": builders.mtls_off(
        target=DOMAIN,
        endpoint="execute-api of a1b2c3d4e5 (data-actions)",
        detail="The default execute-api endpoint of the API data-actions is open, and leads past mutual TLS.",
        door=Door(DoorKind.REST_API, "a1b2c3d4e5", "prod"),
        truststore="targets/api/bundle.pem",
        version="3HL4kqtJvjVBH40Nrjfkd",
        will_heal=False,
        since=SINCE,
        now=NOW,
    ),
    "mtls_off_listener": builders.mtls_off(
        target=ALB,
        endpoint=LISTENER,
        detail="The listener on port 443 does not verify client certificates: mode passthrough.",
        door=Door(DoorKind.LISTENER, LISTENER),
        truststore="targets/alb/bundle.pem",
        version="3HL4kqtJvjVBH40Nrjfkd",
        will_heal=False,
        since=SINCE,
        now=NOW,
    ),
    "ocsp_unanswered": builders.ocsp_unanswered(target=EDGE, leaves=[CURRENT], since=SINCE, now=NOW),
    "mtls_off_distribution": builders.mtls_off(
        target=EDGE,
        endpoint=DISTRIBUTION,
        detail="The distribution E1EXAMPLE passes client certificates on without verifying them: mode passthrough.",
        door=Door(DoorKind.DISTRIBUTION, DISTRIBUTION),
        truststore="targets/edge/bundle.pem",
        version="3HL4kqtJvjVBH40Nrjfkd",
        will_heal=False,
        since=SINCE,
        now=NOW,
    ),
    "mtls_off_domain": builders.mtls_off(
        target=DOMAIN,
        endpoint=None,
        detail="The domain has no truststore: mutual TLS is off.",
        door=Door(DoorKind.DOMAIN, "data-actions.api.example.com"),
        truststore="targets/api/bundle.pem",
        version="3HL4kqtJvjVBH40Nrjfkd",
        will_heal=False,
        since=SINCE,
        now=NOW,
    ),
    "removal_planned": builders.removal_planned(
        target=ALB, leaving=[INTERMEDIATE], until=NOW + timedelta(days=3), since=NOW, now=NOW
    ),
    "unwanted": builders.unwanted(
        target=ALB, leaving=[DIGICERT_ROOT], until=NOW + timedelta(days=30), soon=False, since=NOW, now=NOW
    ),
    "still_trusted": builders.still_trusted(
        target=ALB,
        lingering=[PARTNER],
        why="In observe mode the watcher takes nothing out.",
        remedy=f"Take it out of the target by hand, or {builders.APPLY}.",
        held=False,
        since=SINCE,
        now=NOW,
    ),
    "removal_held": builders.removal_held(
        target=ALB,
        candidates=[INTERMEDIATE, DIGICERT_ROOT, PARTNER],
        limit="3 of 5 certificates would leave at once; the limit is 2 and 50% of what the target holds",
        since=SINCE,
        now=NOW,
    ),
    "quota_near": builders.quota_near(target=ALB, count=21, limit=25, since=SINCE, now=NOW),
    "state_forged": builders.state_forged(
        target=ALB,
        what=(
            "Nothing was deployed at alb: it would let in what neither the operator's files nor the target itself know:"
            f" {'f0' * 8}."
        ),
        since=SINCE,
        now=NOW,
    ),
    "revoked": builders.revoked(
        source=SOURCE, authority="DigiCert", certificate=CURRENT, ca=False, url=LIST, since=NOW, now=NOW
    ),
    "revoked_and_replaced": builders.revoked(
        source=SOURCE,
        authority="DigiCert",
        certificate=CURRENT,
        ca=False,
        replaced=True,
        url=LIST,
        since=SINCE,
        now=NOW,
    ),
    "revoked_ca": builders.revoked(
        source=SOURCE, authority="DigiCert", certificate=INTERMEDIATE, ca=True, url=LIST, since=NOW, now=NOW
    ),
    "crl_stale": builders.crl_stale(
        source=SOURCE,
        authority="DigiCert",
        folder="crls/4f1c2a9be03d5768a1b2c3d4e5f60718",
        url=LIST,
        issuer=CLIENT_CA,
        reason="unreachable",
        failure="crl3.digicert.com cannot be reached: ConnectError",
        held=HELD_LIST,
        since=SINCE,
        now=NOW,
    ),
    "crl_stale_overdue": builders.crl_stale(
        source=SOURCE,
        authority="DigiCert",
        folder="crls/4f1c2a9be03d5768a1b2c3d4e5f60718",
        url=LIST,
        issuer=CLIENT_CA,
        reason="overdue",
        failure=None,
        held=msgspec.structs.replace(HELD_LIST, next_update=NOW - timedelta(hours=1)),
        since=SINCE,
        now=NOW,
    ),
    "crl_stale_cut_off": builders.crl_stale(
        source=SOURCE,
        authority="DigiCert",
        folder="crls/4f1c2a9be03d5768a1b2c3d4e5f60719",
        url=LIST,
        issuer=CLIENT_CA,
        reason="overdue",
        not_got="bad-signature",
        failure=f"the list of {LIST} is not used: its issuer's key did not sign it",
        held=msgspec.structs.replace(HELD_LIST, next_update=NOW - timedelta(hours=1)),
        since=SINCE,
        now=NOW,
    ),
    "revocations_behind": builders.revocations_behind(
        target=ALB,
        reason="lost",
        folder="crls/4f1c2a9be03d5768a1b2c3d4e5f60718",
        url=LIST,
        message=f"The list of {LIST} is no longer loaded in it.",
        revoked=False,
        since=SINCE,
        now=NOW,
    ),
    "revocations_behind_open": builders.revocations_behind(
        target=ALB,
        reason="full",
        folder="crls/4f1c2a9be03d5768a1b2c3d4e5f60718",
        url=LIST,
        message=(
            "It holds 4 revocation files with 310000 entries, and takes 30 with 500000: the list of"
            f" {LIST}, with 260000, has no room beside the one that it is to replace."
        ),
        revoked=True,
        since=SINCE,
        now=NOW,
    ),
    "crl_stale_never": builders.crl_stale(
        source=SOURCE,
        authority="Genesys",
        folder="crls/90ab17c4d2e85f6370a1b2c3d4e5f607",
        url="http://crl.genesys.example/us-east-1.crl",
        issuer=ROOT,
        reason="bad-signature",
        failure=("the list of http://crl.genesys.example/us-east-1.crl is not used: its issuer's key did not sign it"),
        held=None,
        since=SINCE,
        now=NOW,
    ),
    "filters_updated": builders.filters_updated(
        target=DOOR,
        added=[NAMED],
        removed=[],
        others=1,
        bucket=BUCKET,
        key="targets/door/filters.json",
        version="3HL4kqtJvjVBH40Nrjfkd",
        content="5e" * 32,
        since=SINCE,
        now=NOW,
    ),
    "filters_planned": builders.filters_planned(
        target=DOOR, added=[NAMED], removed=[], refused=[], presented=False, content="5e" * 32, since=SINCE, now=NOW
    ),
    "filters_planned_refusing": builders.filters_planned(
        target=DOOR,
        added=[NAMED],
        removed=[],
        refused=[CURRENT],
        presented=True,
        content="5f" * 32,
        since=SINCE,
        now=NOW,
    ),
    "two_stacks": builders.two_stacks(
        target=ALB, bucket="watcher-old-bucket-0x1y2z", marked=True, since=SINCE, now=NOW
    ),
    "two_stacks_loaded": builders.two_stacks(
        target=DOMAIN, bucket="watcher-old-bucket-0x1y2z", marked=False, since=SINCE, now=NOW
    ),
    "two_stacks_elsewhere": builders.two_stacks(
        target=PAYMENTS, bucket="old-watcher-eu-west-1", marked=False, holds_state=False, since=SINCE, now=NOW
    ),
    "truststore_bucket_unusable": builders.truststore_update_failed(
        target=PAYMENTS,
        reason="bucket-unusable",
        message=(
            "the bucket watcher-eu-west-1, from which targets of eu-west-1 load, does not exist: cannot find"
            " s3://watcher-eu-west-1/: An error occurred (404) when calling the HeadBucket operation: Not Found"
        ),
        missing=[UPCOMING],
        content="5e" * 32,
        since=SINCE,
        now=NOW,
    ),
    "truststore_role_refused": builders.truststore_update_failed(
        target=PAYMENTS,
        reason="role-refused",
        message=(
            f"cannot read {PAYMENTS.arn}: the role of its account cannot be taken on: An error occurred (AccessDenied)"
            " when calling the AssumeRole operation: User: arn:aws:sts::111122223333:assumed-role/PublishRole/publish"
            " is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::222222222222:role/watcher-targets"
        ),
        missing=[],
        content="",
        since=SINCE,
        now=NOW,
    ),
    "drift_elsewhere": builders.drift_found(
        target=PAYMENTS,
        added=[],
        removed=[UPCOMING],
        moved_from=None,
        moved_to=None,
        refused=[UPCOMING],
        will_heal=True,
        call="ModifyTrustStore",
        proved=SINCE,
        since=SINCE,
        now=NOW,
    ),
    "filters_empty": builders.filters_empty(
        target=DOOR,
        why="it has no identity filter, and empty_filters of this target does not let the watcher put names there",
        names=[NAMED],
        since=SINCE,
        now=NOW,
    ),
    "filters_drifted": builders.filters_drifted(
        target=DOOR,
        added=[PARTNERS],
        removed=[NAMED],
        refused=[CURRENT],
        emptied=False,
        will_heal=True,
        proved=SINCE,
        since=SINCE,
        now=NOW,
    ),
    "filters_unnamed": builders.filters_unnamed(target=DOOR, leaves=[UPCOMING], since=SINCE, now=NOW),
    "filters_leaving": builders.filters_leaving(
        target=DOOR, leaving=[NAMED], until=NOW + timedelta(days=3), since=NOW, now=NOW
    ),
    "filters_held": builders.filters_held(
        target=DOOR,
        candidates=[NAMED, "san-dns exact eu-west-1.data-actions.mypurecloud.com"],
        limit="2 of 3 filters would leave at once; the limit is 2 and 50% of what the listener holds",
        since=SINCE,
        now=NOW,
    ),
    "filters_near": builders.filters_near(target=DOOR, count=81, limit=100, since=SINCE, now=NOW),
    "filters_rolled_back": builders.filters_rolled_back(
        target=DOOR,
        from_version="8gN2vbzqkd0Ja6mQnVZ1x",
        to_version="3HL4kqtJvjVBH40Nrjfkd",
        returned=[],
        left=[NAMED],
        now=NOW,
    ),
    "filters_not_updated": builders.truststore_update_failed(
        target=DOOR,
        reason="too-many-filters",
        message="101 identity filters would be there, and a listener holds 100",
        missing=[UPCOMING],
        content="5e" * 32,
        since=SINCE,
        now=NOW,
    ),
}
EXAMPLES = {
    **EXAMPLES,
    "trial": builders.trial(requested=False, now=NOW),
    "resolved": builders.resolved(
        subject=ALB,
        kind="drift-found",
        opened="drift-found:alb:20261120T083000Z",
        reason=None,
        since=SINCE,
        severity=Severity.CRITICAL,
        reminders=0,
        why="",
        goes_on=None,
        now=NOW,
    ),
    "resolved_source": builders.resolved(
        subject=SOURCE,
        kind="source-failing",
        opened=None,
        reason="credentials-refused",
        since=SINCE - timedelta(days=3),
        severity=Severity.CRITICAL,
        reminders=3,
        why="",
        goes_on=None,
        now=NOW,
    ),
    "reminder": ending.reminder(EXAMPLES["drift_found"], SINCE, 2),
}


def _together(*names: str) -> list[Alert]:
    return [stamped(EXAMPLES[name], STACK) for name in names]


def at_targets(name: str, number: int) -> list[Alert]:
    """Give the same about so many trust stores, as it leaves: ``shop-001`` and so on."""
    told = _together(name)[0]
    ids = [f"shop-{place:03}" for place in range(1, number + 1)]
    return [
        msgspec.structs.replace(
            told,
            id=told.id.replace(":alb:", f":{one}:"),
            target=one,
            title=told.title.replace("genesys-clients", one),
            what_to_do=told.what_to_do.replace('"alb"', f'"{one}"'),
            facts={**told.facts, "target": one, "ARN": told.facts["ARN"].replace("genesys-clients", one)},
        )
        for one in ids
    ]


EXAMPLES = {
    **EXAMPLES,
    "summed_up": builders.summed_up(_together("rotated", "truststore_updated", "filters_updated"), NOW),
    "more_alike": builders.more_alike(at_targets("truststore_update_failed", 2), NOW),
    "weekly": builders.weekly(
        week="2026-11-23",
        verdict="all good",
        lines={
            "verdict": "All good.",
            "us-east-1": "Genesys current until 2027-06-15 (203 days left)",
            "targets": "3 of 3 as they should be",
            "open alerts": "none",
        },
        to_do="Nothing.",
        now=NOW,
    ),
}

DELIVERED: Mapping[str, Alert] = {name: stamped(alert, STACK) for name, alert in EXAMPLES.items()}
"""The same as they leave."""


def hostile_everywhere(words: str) -> Alert:
    """Give an alert, as it leaves, that holds nothing but these words."""
    return msgspec.structs.replace(
        DELIVERED["expired"],
        id=words,
        source=words,
        region=words,
        title=words,
        what_happened=words,
        what_it_means=words,
        what_to_do=f"{words}\n{words}",
        facts={"subject": words, words: words},
    )


def changed_issuer(reach: builders.Reach, status: str = "upcoming") -> Alert:
    """Give the alert about a leaf under other CAs, by who lets it in so far."""
    return builders.issuer_changed(
        source=SOURCE,
        authority="DigiCert",
        status=status,
        new=ELSEWHERE,
        old=CURRENT,
        authorities=[],
        reach=reach,
        now=NOW,
    )
