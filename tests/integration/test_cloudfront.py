"""A trust store of CloudFront, over sockets and with the real adapter: what it holds is never given back."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from local.aws.distributions import set_mode
from rotation_watcher import keys
from rotation_watcher.alerts.model import Alert
from rotation_watcher.x509.certificates import blocks_of
from tests.support import pki
from tests.support.environments import OverSockets

QUARTER = timedelta(minutes=15)


class Edge:
    """The trust store as its owner and its viewers meet it."""

    def __init__(self, environment: OverSockets) -> None:
        self.environment = environment
        self._client = environment.aws.client("cloudfront")

    @property
    def arn(self) -> str:
        """Its ARN."""
        return self.environment.arn("edge")

    @property
    def id(self) -> str:
        """Its id."""
        return self.arn.rpartition("/")[2]

    @property
    def etag(self) -> str:
        """The ETag that it shows."""
        return str(self._client.get_trust_store(Identifier=self.id)["ETag"])

    @property
    def held(self) -> set[str]:
        """What viewers meet, by fingerprint."""
        return {*blocks_of(self.environment.aws.live_bundle(self.arn))}

    def change(self, pem: str) -> None:
        """Somebody else loads another bundle."""
        place = {"Bucket": "watcher-bucket", "Key": "before/theirs.pem", "Region": "us-east-1"}
        place["Version"] = self.environment.put(place["Key"], pem)
        self._client.update_trust_store(
            Id=self.id, IfMatch=self.etag, CaCertificatesBundleSource={"CaCertificatesBundleS3Location": place}
        )

    def adopt(self, pem: str) -> None:
        """The operator says what it holds now."""
        self.environment.put(keys.adopted(self.id, self.etag), pem)

    def publish(self) -> tuple[str, list[Alert]]:
        """A quarter of an hour later: the outcome, and the alerts since the last time."""
        self.environment.clock.advance(QUARTER)
        outcome = self.environment.publish("edge").targets["edge"].outcome
        return str(outcome), self.environment.new_alerts()


type Open = Callable[..., Edge]


@pytest.fixture
def open_edge(make_environment: Callable[..., OverSockets]) -> Open:
    """A trust store that holds a root of somebody else's, and a Genesys bundle that it is to hold."""

    def opened(*, adopted: bool = True, ocsp: bool = False, **aws: Any) -> Edge:
        environment = make_environment(**aws)
        environment.world.region("us-east-1", days_left=200)
        environment.add_source("use1", "us-east-1")
        environment.add_bundle("genesys", ["use1"])
        environment.add_cloudfront_trust_store("edge", "genesys", others(environment), adopted=adopted, ocsp=ocsp)
        environment.configure()
        environment.collect()
        return Edge(environment)

    return opened


def others(environment: OverSockets, region: str = "sa-east-1") -> str:
    return environment.world.region(region).root_pem()


def ours(environment: OverSockets) -> set[str]:
    return {*blocks_of(environment.world.region("us-east-1").root_pem().encode())}


def prints(*pems: str) -> set[str]:
    return {*blocks_of("".join(pems).encode())}


def test_it_is_widened_proved_by_its_etag_and_then_left_alone(open_edge: Open) -> None:
    edge = open_edge()
    environment = edge.environment
    environment.drain()
    assert edge.held == prints(others(environment)) | ours(environment)
    (told,) = [alert for alert in environment.new_alerts() if alert.kind == "truststore-updated"]
    assert told.facts["proof"] == "etag"
    assert "does not give back what it holds" in told.what_it_means
    edge.publish()
    environment.forget_calls()
    assert edge.publish()[0] == "unchanged"
    assert {call.operation for call in environment.writes()} <= {"ReceiveMessage"}


def test_a_rotation_comes_before_the_old_root_leaves_and_others_stay(open_edge: Open) -> None:
    edge = open_edge()
    environment = edge.environment
    environment.drain()
    before, region = ours(environment), environment.world.region("us-east-1")
    region.schedule_rotation("Genesys", environment.clock() + timedelta(days=2), root="new")
    region.root_pem(ahead=1)
    environment.put("anchors/us-east-1.pem", "".join(each.root.pem() for each in region.private_roots()))
    for _ in range(3):
        environment.tick()
    new = {one for each in region.private_roots() for one in prints(each.root.pem())} - before
    assert len(new) == 1
    assert edge.held == prints(others(environment)) | before | new


def test_a_content_that_nobody_has_told_is_never_overwritten(open_edge: Open) -> None:
    edge = open_edge(adopted=False)
    environment = edge.environment
    etag = edge.etag
    outcome, alerts = edge.publish()
    assert outcome == "content-unknown"
    assert (edge.etag, edge.held) == (etag, prints(others(environment)))
    (told,) = [alert for alert in alerts if alert.kind == "truststore-update-failed"]
    command = f"aws s3 cp FILE.pem s3://watcher-bucket/extra/adopted/{edge.id}/{etag}.pem --region us-east-1"
    assert command in told.what_to_do
    assert edge.publish() == ("content-unknown", [])

    edge.adopt(others(environment))
    assert edge.publish()[0] == "updated"
    assert edge.held == prints(others(environment)) | ours(environment)


def test_a_word_that_cannot_be_true_is_not_believed(open_edge: Open) -> None:
    edge = open_edge(adopted=False)
    environment = edge.environment
    edge.adopt(others(environment) + others(environment, "ap-northeast-1"))
    outcome, alerts = edge.publish()
    assert (outcome, edge.held) == ("content-unknown", prints(others(environment)))
    assert any("holds 1 CA certificates, and" in alert.what_happened for alert in alerts)


def test_a_word_about_one_state_says_nothing_about_the_next(open_edge: Open) -> None:
    edge = open_edge()
    environment = edge.environment
    theirs = others(environment, "ap-northeast-1")
    edge.change(theirs)
    assert edge.publish()[0] == "content-unknown"
    assert edge.held == prints(theirs)


def test_what_others_load_over_ours_is_told_and_healed_once_they_say_what_it_is(open_edge: Open) -> None:
    edge = open_edge()
    environment = edge.environment
    environment.drain()
    environment.new_alerts()
    theirs = others(environment, "ap-northeast-1")
    edge.change(theirs)
    outcome, alerts = edge.publish()
    assert (outcome, edge.held) == ("content-unknown", prints(theirs))
    (told,) = [alert for alert in alerts if alert.kind == "truststore-update-failed"]
    assert "somebody else has changed it" in told.what_happened
    assert "--region us-east-1" in told.what_to_do
    assert "AttributeValue=UpdateTrustStore" in told.what_to_do

    edge.adopt(theirs)
    outcome, alerts = edge.publish()
    assert (outcome, edge.held) == ("updated", prints(theirs) | ours(environment))
    assert any(alert.kind == "drift-found" for alert in alerts)


def test_a_second_foreign_change_is_told_with_its_own_place(open_edge: Open) -> None:
    edge = open_edge()
    environment = edge.environment
    environment.drain()
    edge.change(others(environment, "ap-northeast-1"))
    edge.publish()
    edge.change(others(environment))
    etag = edge.etag
    _, alerts = edge.publish()
    assert any(f"{etag}.pem" in alert.what_to_do for alert in alerts)


def test_what_somebody_loads_between_our_read_and_our_update_stays(open_edge: Open) -> None:
    edge = open_edge()
    environment = edge.environment
    theirs = others(environment, "ap-northeast-1")
    real = edge.etag
    environment.aws.fail_next("cloudfront", "UpdateTrustStore", "PreconditionFailed", 412)
    assert edge.publish()[0] == "put-off"
    assert edge.etag == real
    edge.change(theirs)
    assert edge.publish()[0] == "content-unknown"
    assert edge.held == prints(theirs)


def test_what_cloudfront_fails_to_load_is_told_held_and_tried_again_with_another_content(open_edge: Open) -> None:
    edge = open_edge()
    environment = edge.environment
    environment.aws.trust_stores_of_cloudfront.reasons.append("The chain of certificate 2 is too deep.")
    outcome, alerts = edge.publish()
    assert (outcome, edge.held) == ("rejected", prints(others(environment)))
    (told,) = [alert for alert in alerts if alert.kind == "truststore-update-failed"]
    assert "The chain of certificate 2 is too deep." in told.what_happened
    assert told.severity == "critical"
    etag = edge.etag
    assert edge.publish()[0] == "held"
    assert edge.etag == etag

    environment.watch["bundles"][0]["extra"] = ["extra/more.pem"]
    environment.put("extra/more.pem", others(environment, "ap-northeast-1"))
    environment.configure()
    assert edge.publish()[0] == "updated"
    assert edge.held == prints(others(environment), others(environment, "ap-northeast-1")) | ours(environment)


def test_a_key_that_cloudfront_refuses_is_left_out_and_keeps_nobody_else_out(open_edge: Open) -> None:
    edge = open_edge()
    environment = edge.environment
    environment.watch["bundles"][0]["extra"] = ["extra/odd.pem"]
    odd = [pki.root("P-521", key=pki.ec_key(ec.SECP521R1())), pki.root("RSA 2560", key=pki.rsa_key(2560))]
    environment.put("extra/odd.pem", "".join(one.pem for one in odd))
    environment.configure()
    outcome, alerts = edge.publish()
    assert (outcome, edge.held) == ("updated", prints(others(environment)) | ours(environment))
    environment.clock.advance(QUARTER)
    (told,) = [alert for alert in alerts if alert.kind == "left-out"] or [
        alert for alert in edge.publish()[1] if alert.kind == "left-out"
    ]
    said = f"{told.what_happened} {told.facts}"
    assert "only 2048, 3072, 4096 are taken" in said
    assert "secp521r1" in said


def test_an_update_that_takes_its_time_is_proved_by_a_later_run(open_edge: Open) -> None:
    edge = open_edge(settle_delay=timedelta(minutes=5))
    environment = edge.environment
    environment.clock.advance(timedelta(minutes=10))
    assert edge.publish()[0] == "still-updating"
    assert edge.held == prints(others(environment))
    assert edge.publish()[0] == "updated"
    assert edge.held == prints(others(environment)) | ours(environment)


def test_an_answer_that_is_lost_leaves_it_untouched_until_a_person_has_looked(open_edge: Open) -> None:
    edge = open_edge()
    environment = edge.environment
    environment.aws.fail_next("cloudfront", "UpdateTrustStore", "InternalError", 500, after=True)
    assert edge.publish()[0] == "failed"
    outcome, alerts = edge.publish()
    assert outcome == "content-unknown"
    assert any(keys.deployed(keys.target(edge.arn)) in alert.what_to_do for alert in alerts)
    edge.adopt(environment.read(keys.deployed(keys.target(edge.arn))).decode())
    assert edge.publish()[0] == "updated"


def test_a_replica_that_lags_shows_what_was_held_and_counts_for_no_foreign_change(open_edge: Open) -> None:
    edge = open_edge()
    environment = edge.environment
    environment.drain()
    store = environment.aws.trust_stores_of_cloudfront.by_arn(edge.arn)
    store.stale = 1
    outcome, alerts = edge.publish()
    assert outcome == "put-off"  # the ETag of the state before is refused
    assert edge.publish()[0] == "updated"  # it is there, and proved once more
    assert edge.publish()[0] == "unchanged"
    assert not [alert for alert in alerts if alert.kind == "truststore-update-failed"]


def test_a_distribution_that_requires_no_certificate_is_told_once_with_its_remedy(open_edge: Open) -> None:
    edge = open_edge()
    environment = edge.environment
    environment.drain()
    edge.publish()
    set_mode(environment.aws.client("cloudfront"), environment.distribution, {"Mode": "passthrough"})
    _, alerts = edge.publish()
    (told,) = [alert for alert in alerts if alert.kind == "mtls-off"]
    assert f"update-distribution --id {environment.distribution}" in told.what_to_do
    assert edge.publish()[1] == []


def test_ocsp_that_no_chain_of_genesys_can_answer_is_told_until_it_is_off(open_edge: Open) -> None:
    edge = open_edge(ocsp=True)
    environment = edge.environment
    edge.publish()
    told = [alert for alert in environment.alerts if alert.kind == "filtered-out"]
    edge.publish()
    told = [alert for alert in environment.alerts if alert.kind == "filtered-out"]
    assert len(told) == 1
    assert f"update-trust-store --id {edge.id} --no-use-client-certificate-ocsp-endpoint" in told[0].what_to_do

    content = environment.aws.live_bundle(edge.arn)
    assert content is not None
    client = environment.aws.client("cloudfront")
    client.update_trust_store(Id=edge.id, IfMatch=edge.etag, UseClientCertificateOCSPEndpoint=False)
    edge.adopt(content.decode())
    for _ in range(3):
        edge.publish()
    assert any("shut Genesys out" in alert.title for alert in environment.alerts)


def test_a_going_back_by_hand_is_loaded_and_proved_like_any_other(open_edge: Open) -> None:
    edge = open_edge()
    environment = edge.environment
    environment.drain()
    environment.watch["bundles"][0]["extra"] = ["extra/more.pem"]
    environment.put("extra/more.pem", others(environment, "ap-northeast-1"))
    environment.configure()
    assert edge.publish()[0] == "updated"
    environment.clock.advance(QUARTER)
    assert environment.publish(rollback="edge").targets["edge"].outcome == "rolled-back"
    assert edge.held == prints(others(environment)) | ours(environment)
