"""A regional custom domain of API Gateway: what is warned of, how an update settles, the pace, and what IAM asks.

The service takes one UpdateDomainName in 30 seconds for an account and region: every probe waits for its turn.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from genesys_certs.conformance import bundles, keys
from genesys_certs.conformance.api_gateway_iam import IAM
from genesys_certs.conformance.asking import refusal, tried
from genesys_certs.conformance.bench import BucketBench
from genesys_certs.conformance.bundles import Case
from genesys_certs.conformance.keys import Change, Sealed
from genesys_certs.conformance.model import Answer, Outcome, Probe, not_asked, taken
from genesys_certs.conformance.suite import Suite
from genesys_certs.conformance.workshop import Options, Place, Workshop

TURN = 31.0
"""Seconds after which the next update is taken."""
PATIENCE, PAUSE = 900.0, 5.0
"""How long, in seconds, an update may take; and between looks."""
_THROTTLED = ("TooManyRequestsException",)
_SHORT, _LONG = 20, 45
"""Seconds: what is near to 30 lies between."""
CASES = (
    *("two-roots", "blank-line", "comment-hyphen", "crlf", "preamble", "leaf", "leaf-beside-root", "intermediate"),
    *("expired", "not-yet-valid", "duplicate", "same-named-roots", "same-key-roots", "version-1", "ed25519", "p521"),
    *("rsa-8200", "pss", "sha1", "x509-label", "other-block", "not-base64", "no-end", "empty"),
)


class Bench(BucketBench):
    """One domain with mutual TLS, and its truststore's object."""

    file = "truststore.pem"

    def __init__(self, workshop: Workshop, options: Options) -> None:
        super().__init__(workshop, options)
        self.rest = workshop.client("apigateway")
        self.http = workshop.client("apigatewayv2")
        self.created = workshop.rest_domain(options, self.first)
        self.last = self.services.timer()

    def shown(self) -> dict[str, Any]:
        """The domain, through v1."""
        found: dict[str, Any] = self.rest.get_domain_name(domainName=self.options.domain)
        return found

    def wait_for_turn(self) -> None:
        """Until the next update is taken."""
        self.services.wait(max(0.0, TURN - (self.services.timer() - self.last)))

    def patch(self, client: Any = None, **values: str) -> dict[str, Any]:
        """UpdateDomainName at once, with ``truststoreUri`` and ``truststoreVersion``; its answer."""
        self.last = self.services.timer()
        operations = [
            {"op": "replace", "path": f"/mutualTlsAuthentication/{key}", "value": value}
            for key, value in values.items()
        ]
        answer: dict[str, Any] = (client or self.rest).update_domain_name(
            domainName=self.options.domain, patchOperations=operations
        )
        return answer

    def settled(self) -> tuple[dict[str, Any], float]:
        """The domain when it is available or waits for a person, and how long that took."""
        begun = self.services.timer()
        shown = self.shown()
        while shown.get("domainNameStatus") == "UPDATING" and self.services.timer() - begun < PATIENCE:
            self.services.wait(PAUSE)
            shown = self.shown()
        return shown, self.services.timer() - begun

    def update(self, place: Place, client: Any = None) -> dict[str, Any]:
        """An update in its turn. Raises ClientError."""
        self.settled()
        self.wait_for_turn()
        return self.patch(client, truststoreUri=place.uri, truststoreVersion=place.version)

    def load(self, content: bytes) -> Answer:
        """Update, wait, and count what is warned of."""
        try:
            answered = self.update(self.put(content))
        except ClientError as error:
            return refusal(error)
        shown, seconds = self.settled()
        return taken(
            seconds,
            text=" | ".join(_warnings(shown)),
            answers=str(answered.get("domainNameStatus", "")),
            becomes=str(shown.get("domainNameStatus", "")),
            warnings=len(_warnings(shown)),
        )


def _warnings(shown: dict[str, Any]) -> list[str]:
    mutual = shown.get("mutualTlsAuthentication") or {}
    return [str(one) for one in mutual.get("truststoreWarnings") or []]


def _bundle(case: Case) -> Callable[[Bench], Answer]:
    return lambda bench: bench.load(case.make(bench.material))


def _created(bench: Bench) -> Answer:
    status = str(bench.created.get("domainNameStatus", ""))
    shown, seconds = bench.settled()
    return taken(
        seconds,
        text=str(shown.get("domainNameStatusMessage", "")),
        answers=status,
        becomes=str(shown.get("domainNameStatus", "")),
    )


def _too_large(bench: Bench) -> Answer:
    return bench.load(bench.material.root(bytes_more=800_000).pem)


def _too_many(bench: Bench) -> Answer:
    return bench.load(b"".join(bench.material.root().pem for _ in range(1001)))


def _refused(change: dict[str, str]) -> Callable[[Bench], Answer]:
    """An update with something in it that does not exist."""
    return lambda bench: tried(lambda: bench.update(bench.first._replace(**change)))


def _one_alone(bench: Bench) -> Answer:
    """The version without the URI."""
    bench.settled()
    place = bench.put(bench.material.root().pem)
    bench.wait_for_turn()
    try:
        bench.patch(truststoreVersion=place.version)
    except ClientError as error:
        return refusal(error)
    shown, seconds = bench.settled()
    return taken(seconds, loaded=shown["mutualTlsAuthentication"].get("truststoreVersion") == place.version)


def _elsewhere(bench: Bench) -> Answer:
    """A truststore in a bucket in another region."""
    region = bench.options.other_region
    if not region:
        return not_asked("give --other-region")
    bucket = bench.workshop.bucket(region)
    place = bench.workshop.put(bucket, "truststore.pem", bench.material.root().pem, region)
    try:
        bench.update(place)
    except ClientError as error:
        return refusal(error)
    return _became(bench)


def _other_account(bench: Bench) -> Answer:
    """A truststore from a bucket of another account, whose policy lets the caller read it."""
    place = bench.options.elsewhere()
    shown = bench.workshop.client("s3").head_object(Bucket=place.bucket, Key=place.key)
    try:
        bench.update(place._replace(version=str(shown.get("VersionId", ""))))
    except ClientError as error:
        return refusal(error)
    shown, seconds = bench.settled()
    text = " | ".join(_warnings(shown))
    bench.update(bench.first)
    bench.settled()
    return taken(seconds, text=text, becomes=str(shown.get("domainNameStatus", "")))


def _second(bench: Bench) -> Answer:
    """A second update right behind the first."""
    bench.update(bench.put(bench.material.root().pem))
    place = bench.put(bench.material.root().pem)
    answer = tried(partial(bench.patch, truststoreUri=place.uri, truststoreVersion=place.version), means=_THROTTLED)
    bench.settled()
    return answer


def _pace(bench: Bench) -> Answer:
    """How long after an update the next one is no longer throttled, whatever else is said to it."""
    bench.update(bench.put(bench.material.root().pem))
    begun, place = bench.services.timer(), bench.put(bench.material.root().pem)
    while (seconds := bench.services.timer() - begun) < 10 * TURN:
        answer = tried(partial(bench.patch, truststoreUri=place.uri, truststoreVersion=place.version), means=_THROTTLED)
        if answer.code not in _THROTTLED:
            bench.settled()
            after = "less-than-20-s" if seconds < _SHORT else "20-to-45-s" if seconds <= _LONG else "more-than-45-s"
            return taken(seconds, text=f"then: {answer.code or answer.outcome}", after=after)
        bench.services.wait(PAUSE)
    return not_asked("every update was throttled for five minutes")


def _refused_counts(bench: Bench) -> Answer:
    """Whether an update that is refused for what it names uses up the turn."""
    refused = tried(lambda: bench.update(bench.first._replace(key="absent")))
    if refused.outcome is not Outcome.REFUSED:
        return refused
    place = bench.put(bench.material.root().pem)
    answer = tried(partial(bench.patch, truststoreUri=place.uri, truststoreVersion=place.version), means=_THROTTLED)
    bench.settled()
    return answer


def _other_api(bench: Bench) -> Answer:
    """The domain, made through v1, as v2 shows it."""
    try:
        shown = bench.http.get_domain_name(DomainName=bench.options.domain)
    except ClientError as error:
        return refusal(error)
    mutual = shown.get("MutualTlsAuthentication") or {}
    return taken(same_truststore=mutual.get("TruststoreUri") == bench.first.uri)


def _without_configurations(bench: Bench) -> Answer:
    """An update through v2 that says nothing of the domain's configurations."""
    bench.settled()
    place = bench.put(bench.material.root().pem)
    bench.wait_for_turn()
    bench.last = bench.services.timer()
    mutual = {"TruststoreUri": place.uri, "TruststoreVersion": place.version}
    answer = tried(
        lambda: bench.http.update_domain_name(DomainName=bench.options.domain, MutualTlsAuthentication=mutual)
    )
    bench.settled()
    return answer


def _off(bench: Bench) -> Answer:
    """Mutual TLS turned off by an empty URI, and on again."""
    bench.settled()
    bench.wait_for_turn()
    try:
        bench.patch(truststoreUri="")
    except ClientError as error:
        return refusal(error)
    shown, seconds = bench.settled()
    off = not (shown.get("mutualTlsAuthentication") or {}).get("truststoreUri")
    bench.update(bench.first)
    bench.settled()
    return taken(seconds, off=off)


def _http_domain(bench: Bench) -> Answer:
    """The domain made anew through v2, as v1 shows it. The last probe: the run's domain is another one then."""
    bench.settled()
    bench.wait_for_turn()
    bench.rest.delete_domain_name(domainName=bench.options.domain)
    bench.services.wait(TURN)
    bench.workshop.http_domain(bench.options, bench.first)
    try:
        shown = bench.shown()
    except ClientError as error:
        return refusal(error)
    mutual = shown.get("mutualTlsAuthentication") or {}
    return taken(same_truststore=mutual.get("truststoreUri") == bench.first.uri)


def _became(bench: Bench) -> Answer:
    shown, seconds = bench.settled()
    return taken(seconds, becomes=str(shown.get("domainNameStatus", "")), warnings=len(_warnings(shown)))


def _sealed_created(bench: Bench, file: Sealed, client: Any) -> Answer:
    """The domain deleted and made anew; with the first truststore where that is refused."""
    bench.settled()
    bench.wait_for_turn()
    bench.rest.delete_domain_name(domainName=bench.options.domain)
    bench.services.wait(TURN)
    try:
        bench.workshop.rest_domain(bench.options, file.place, client)
    except ClientError:
        bench.services.wait(TURN)
        bench.workshop.rest_domain(bench.options, bench.first)
        raise
    finally:
        bench.last = bench.services.timer()
    return _became(bench)


def _sealed_update(bench: Bench, file: Sealed, client: Any) -> Answer:
    bench.update(file.place, client)
    return _became(bench)


SEALED: Mapping[str, Change[Bench]] = {
    "update": Change("A truststore", keys.a_root, _sealed_update),
    "create": Change("A new domain's truststore", keys.a_root, _sealed_created),
}
PROBES: Sequence[Probe] = (
    Probe("api-gateway.create.status", "The status of a new domain, and when it is available.", _created),
    Probe("api-gateway.v2.sees-rest-domain", "Whether v2 shows a domain that v1 made.", _other_api),
    *(Probe(f"api-gateway.bundle.{one}", bundles.CASES[one].asks, _bundle(bundles.CASES[one])) for one in CASES),
    Probe("api-gateway.bundle.1001-certificates", "1,001 certificates, one above the limit.", _too_many),
    Probe("api-gateway.bundle.too-large", "A truststore of more than 1 MB.", _too_large),
    Probe("api-gateway.update.version-alone", "A new version without the URI.", _one_alone),
    Probe("api-gateway.update.off", "An empty URI: mutual TLS off.", _off),
    Probe(
        "api-gateway.update.other-region",
        "A truststore in a bucket in another region.",
        _elsewhere,
        wants=("other_region",),
    ),
    Probe(
        "api-gateway.update.other-account",
        "A truststore from another account's bucket.",
        _other_account,
        wants=("other_bucket",),
    ),
    Probe("api-gateway.update.v2-bare", "An update through v2 without the configurations.", _without_configurations),
    Probe("api-gateway.error.no-object", "An object that does not exist.", _refused({"key": "absent.pem"})),
    Probe("api-gateway.error.no-version", "A version that does not exist.", _refused({"version": "A" * 32})),
    Probe("api-gateway.pace.second", "A second update right behind the first.", _second),
    Probe("api-gateway.pace.interval", "How long after an update the next one is taken.", _pace),
    Probe("api-gateway.pace.refused-counts", "Whether a refused update uses up the turn.", _refused_counts),
    *IAM,
    *keys.probes("api-gateway", "apigateway", SEALED),
    Probe("api-gateway.v1.sees-http-domain", "Whether v1 shows a domain that v2 made.", _http_domain),
)

SUITE = Suite(
    service="api-gateway",
    about="a regional custom domain of API Gateway with mutual TLS",
    needs=(("domain",), ("certificate",)),
    makes=(
        "a versioned S3 bucket with some files",
        "a custom domain of the name that you gave, which no API and no DNS record uses",
    ),
    makes_with=(("other_region", "a second bucket, in the other region"),),
    uses_with=keys.USES,
    cost="less than 0.01 USD: requests to S3. A custom domain costs nothing.",
    minutes=45,
    around=2,
    kinds=("custom domain", "bucket"),
    open=Bench,
    probes=PROBES,
)
