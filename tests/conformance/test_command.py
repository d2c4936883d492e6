"""``genesys-certs conformance aws`` as its user meets it: what it says, asks, refuses, writes and leaves behind."""

import errno
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from genesys_certs import app
from genesys_certs.conformance import leftovers, running
from genesys_certs.conformance.model import Answer, read_record
from genesys_certs.conformance.redaction import Redactor
from genesys_certs.conformance.suites import SUITES
from genesys_certs.conformance.workshop import TAG, Workshop
from local.aws.server import EmbeddedAws
from local.genesys.clock import VirtualClock
from tests.conformance.embedded import KEY, RUN, given, options, other_bucket, role, services
from tests.support.certs import self_signed_ca
from tests.support.embedded import Bundles


class Said(NamedTuple):
    """What a command line gave."""

    code: int
    out: str
    err: str


type Command = Callable[..., Said]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedAws]:
    with EmbeddedAws(lambda: datetime.now(UTC)) as running:
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture
def command(
    aws: EmbeddedAws, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    """The command in this process, in an empty folder."""
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, account: str = aws.account) -> Said:
        capsys.readouterr()
        code = app.main(["conformance", "aws", "--account", account, *arguments])
        return Said(code, *capsys.readouterr())

    return run


def mutating(aws: EmbeddedAws) -> list[str]:
    return [call.operation for call in aws.calls if call.mutating and call.service != "sts"]


def test_a_run_says_what_it_makes_and_costs_asks_all_writes_a_record_and_leaves_nothing(
    aws: EmbeddedAws, command: Command, tmp_path: Path
) -> None:
    bundle = other_bucket(aws)
    said = command("--yes", "--other-region", "eu-west-1", "--other-bucket", bundle)
    assert said.code == 0, said.out
    for words in (
        "Makes, each with the tag",
        "a trust store that no listener uses",
        "a second bucket",
        "Costs less than",
    ):
        assert words in said.out
    count = len([probe for probe in SUITES["alb"].probes if "kms_key" not in probe.wants])
    assert "Leaves out those that need --kms-key, --role." in said.out
    assert f"{count} as claimed, 0 differ, 0 not asked" in said.out
    (path,) = tmp_path.glob("*.json")
    record = read_record(path.read_bytes())
    assert (record.service, record.region, len(record.answers)) == ("alb", "us-east-1", count)
    assert aws.account not in path.read_text()
    assert aws.client("s3").list_buckets()["Buckets"] == []
    assert aws.client("elbv2").describe_trust_stores()["TrustStores"] == []
    again = command("--yes", "--only", "alb.update.*")
    assert again.code == 0, "what needs an option that was not given is not asked, and no fault"
    assert "Asks 2 questions, which takes up to 2 minutes." in again.out
    assert "Leaves out those that need --other-bucket, --other-region." in again.out
    assert command("--yes", "--only", "alb.update.other-*").code == 64
    assert {one.name for one in tmp_path.glob("*.json")} == {path.name, f"{path.stem}-2.json"}


def test_nothing_is_made_in_another_account_than_the_one_that_is_named(aws: EmbeddedAws, command: Command) -> None:
    said = command("--yes", account="999999999999")
    assert (said.code, "--account names 999999999999" in said.err) == (64, True)
    assert command("--yes", "--clean", account="999999999999").code == 64
    assert app.main(["conformance", "aws", "--yes"]) == 64, "an account has to be named"
    assert mutating(aws) == []


def test_nothing_is_made_before_somebody_agreed(aws: EmbeddedAws, command: Command, tmp_path: Path) -> None:
    said = command()
    assert (said.code, "Nothing was made." in said.err) == (3, True)
    assert "Costs" in said.out
    assert mutating(aws) == []
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("name", SUITES)
def test_a_plan_says_all_that_a_run_would_and_nothing_is_made(
    name: str, aws: EmbeddedAws, command: Command, tmp_path: Path
) -> None:
    needed, suite = given(aws, name), SUITES[name]
    aws.calls.clear()
    said = command("--service", name, *needed, "--plan", "--output", "records")
    assert (said.code, said.err) == (0, "")
    for words in (*suite.makes, suite.cost, f"--service {name} --clean --run ", "records/"):
        assert words in said.out, words
    told: Any = json.loads(command("--service", name, *needed, "--plan", "--json").out)["plan"]
    assert len(told) == len(said.out.splitlines())
    assert mutating(aws) == []
    assert [*tmp_path.iterdir()] == []
    assert command("--plan", "--clean").code == 64


def test_a_service_that_disagrees_is_named_with_what_it_said(aws: EmbeddedAws, command: Command) -> None:
    aws.knobs.max_ca_certificates = 100
    aws.fail_next("elbv2", "GetTrustStoreRevocationContent", "AccessDenied", 403, 20)
    said = command("--yes", "--json", "--only", "alb.bundle.2*", "--only", "alb.revocation.pem")
    told: Any = json.loads(said.out)
    assert said.code == 1
    assert {*told["differences"]} == {"alb.bundle.26-certificates"}
    assert "answered taken (certificates=26" in told["differences"]["alb.bundle.26-certificates"]
    assert "alb.revocation.pem" in told["not_asked"]
    assert told["left"] == []


def test_clean_removes_what_bears_the_tag_and_nothing_else(aws: EmbeddedAws, command: Command) -> None:
    others = Bundles(aws, "gcw-conformance-of-somebody-else")
    store = others.trust_store(self_signed_ca().pem, "gcw-conformance-of-somebody")
    marked = {"Key": "genesys-certificate-watcher:stack", "Value": "mine"}
    aws.client("elbv2").add_tags(ResourceArns=[store], Tags=[marked])
    aws.client("s3").put_bucket_tagging(Bucket=others.bucket, Tagging={"TagSet": [marked]})
    tag = [{"Key": TAG, "Value": "aaaa"}]
    elb, s3 = aws.client("elbv2"), aws.client("s3")
    for run in ("aaaa", "bbbb"):
        tag = [{"Key": TAG, "Value": run}]
        s3.create_bucket(Bucket=f"gcw-conformance-{run}", CreateBucketConfiguration={"Tags": tag})
        s3.put_object(Bucket=f"gcw-conformance-{run}", Key="x", Body=b"x")
        place = others.place(others.put(self_signed_ca().pem))
        elb.create_trust_store(Name=f"gcw-conformance-{run}", Tags=tag, **place)
    refused = command("--clean")
    assert (refused.code, refused.out.count("run aaaa"), refused.out.count("run bbbb")) == (2, 2, 2)
    assert command("--clean", "--run", "aaaa", "--yes").code == 0
    assert sorted(one["Name"] for one in s3.list_buckets()["Buckets"]) == ["gcw-conformance-bbbb", others.bucket]
    said = command("--clean", "--yes")
    assert (said.code, said.out.splitlines()[-1]) == (0, "removed: 2, still there: 0")
    assert [one["Name"] for one in s3.list_buckets()["Buckets"]] == [others.bucket]
    assert [one["TrustStoreArn"] for one in elb.describe_trust_stores()["TrustStores"]] == [store]
    assert command("--clean").code == 0


def test_what_cannot_be_removed_is_named_with_exit_code_2(
    aws: EmbeddedAws, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "PAUSE", 0.0)
    monkeypatch.setitem(SUITES, "alb", SUITES["alb"]._replace(probes=SUITES["alb"].probes[:2]))
    aws.fail_next("elbv2", "DeleteTrustStore", "AccessDenied", 403)
    said = command("--yes")
    assert said.code == 2
    assert "not known whether any trust store is left: AccessDenied" in said.err
    last = said.err.splitlines()[-1]
    assert last.startswith("Remove what is left: genesys-certs conformance aws --account 123456789012")
    assert " --service alb --clean --run " in last
    assert command("--clean", "--yes").code == 0
    aws.fail_next("elbv2", "DeleteTrustStore", "TrustStoreInUse", 400, 3)
    assert command("--yes").code == 0, "it is tried again"


def test_what_a_service_needs_is_said_before_anything_is_done(aws: EmbeddedAws, command: Command) -> None:
    assert "did you mean" in command("--service", "albb").err.lower()
    assert command("--run", "aaaa").code == 64
    assert mutating(aws) == []
    assert "twelve digits" in command(account="1234-5678-9012").err


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("--kms-key", "alias/mine"), "no alias"),
        (("--kms-key", KEY.replace("us-east-1", "eu-west-1")), "in us-east-1"),
        (("--kms-key", f"{KEY}*"), "no alias"),
        (("--target", "server.example.com:80"), "an IPv4 address and a port"),
        (("--target", "10.0.0.5"), "an IPv4 address and a port"),
    ],
)
def test_an_option_that_a_service_would_refuse_in_the_middle_of_a_run_is_refused_before(
    given: tuple[str, str], words: str, aws: EmbeddedAws, command: Command
) -> None:
    said = command("--yes", *given)
    assert (said.code, words in said.err) == (64, True), said.err
    assert mutating(aws) == []


def test_a_key_and_a_role_are_named_in_the_plan_and_neither_in_the_record(
    aws: EmbeddedAws, command: Command, tmp_path: Path
) -> None:
    """Nobody judges the sessions here: so the service reads without its caller's right to the key, and that differs."""
    theirs = KEY.replace("123456789012", "210987654321")
    said = command("--yes", "--kms-key", theirs, "--role", role(aws), "--only", "alb.kms.*")
    assert said.code == 1, said.err
    for words in (
        "Uses the KMS key that you named, for some files in that bucket",
        "Uses the role that you named, in sessions with fewer permissions",
        "Asks 6 questions",
        "alb.kms.denied-update: claimed refused CaCertificatesBundleNotFound, answered taken",
    ):
        assert words in " ".join(said.out.split()), words
    (path,) = tmp_path.glob("*.json")
    for word in (theirs, theirs.rpartition("/")[2], "210987654321", "role/conformance"):
        assert word not in path.read_text()
    assert aws.calls.of("kms") == []
    assert aws.client("s3").list_buckets()["Buckets"] == []
    assert aws.client("elbv2").describe_trust_stores()["TrustStores"] == []


def test_clean_without_a_service_looks_for_everything_and_says_for_what_and_where(
    aws: EmbeddedAws, command: Command
) -> None:
    elb, (one, *_) = aws.client("elbv2"), aws.client("ec2").describe_subnets()["Subnets"]
    tag = [{"Key": TAG, "Value": "aaaa"}]
    elb.create_load_balancer(Name="gcw-conformance-aaaa", Type="network", Subnets=[one["SubnetId"]], Tags=tag)
    said = command("--clean", "--service", "alb")
    assert "Looked for: trust stores, buckets; in us-east-1." in said.out
    said = command("--clean", "--yes")
    assert (said.code, "removed: 1, still there: 0" in said.out) == (0, True)
    assert "listeners, load balancers, target groups" in said.out
    assert elb.describe_load_balancers()["LoadBalancers"] == []
    aws.fail_next("cloudfront", "ListDistributions", "AccessDenied", 403)
    said = command("--clean")
    assert (said.code, "not known of any distribution: AccessDenied" in said.out) == (2, True)


def test_a_place_where_no_record_can_be_written_is_told_before_anything_is_made(
    aws: EmbeddedAws, command: Command, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    said = command("--yes", "--output", str(tmp_path / "file" / "records"))
    assert (said.code, "Nothing was made." in said.err) == (64, True)
    assert mutating(aws) == []


def test_a_record_that_cannot_be_written_after_all_is_printed(
    aws: EmbeddedAws, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_path: Path, _content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    said = command("--yes", "--only", "alb.create.status")
    assert (said.code, "No space left on device" in said.err) == (0, True)
    assert '"alb.create.status": {' in said.out
    assert [*tmp_path.iterdir()] == []
    told: Any = json.loads(command("--yes", "--json", "--only", "alb.create.status").out)
    assert (told["written"], [*told["record"]["answers"]]) == ("", ["alb.create.status"])
    assert aws.client("s3").list_buckets()["Buckets"] == []


def test_after_a_failed_set_up_it_is_said_that_all_is_removed(aws: EmbeddedAws, command: Command) -> None:
    aws.fail_next("elbv2", "CreateTrustStore", "TooManyTrustStores")
    said = command("--yes")
    assert said.code == 3
    assert "removed: 1, still there: 0; no record was written." in said.err
    assert aws.client("s3").list_buckets()["Buckets"] == []


def test_without_a_connection_no_more_is_asked(aws: EmbeddedAws, clock: VirtualClock) -> None:
    asked: list[str] = []

    def lost(_bench: Any) -> Answer:
        asked.append("once")
        raise EndpointConnectionError(endpoint_url="https://elasticloadbalancing.us-east-1.amazonaws.com")

    suite = SUITES["alb"]
    probes = [probe._replace(ask=lost) for probe in suite.probes[:9]]
    record, gone = running.run(
        suite._replace(probes=probes), services(aws, clock), options(aws), RUN, Redactor([]), lambda _: None
    )
    assert (len(asked), len(record.answers), gone.clean) == (3, 9, True)
    assert {one.text.partition(":")[0] for one in record.answers.values()} == {"no connection"}


def test_a_removal_has_patience_while_there_is_no_connection(
    aws: EmbeddedAws, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = services(aws, clock)
    Workshop(world, "aaaa").bucket()
    lost = iter([True] * 5)
    find = leftovers.find

    def sometimes(*arguments: Any) -> Any:
        if next(lost, False):
            raise EndpointConnectionError(endpoint_url="https://s3.amazonaws.com")
        return find(*arguments)

    monkeypatch.setattr(leftovers, "find", sometimes)
    assert running.clear(world, ("bucket",)).clean
    assert aws.client("s3").list_buckets()["Buckets"] == []
