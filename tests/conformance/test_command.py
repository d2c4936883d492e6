"""``genesys-certs conformance aws`` as its user meets it: what it says, asks, refuses, writes and leaves behind."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest

from genesys_certs import app
from genesys_certs.conformance import leftovers
from genesys_certs.conformance.model import read_record
from genesys_certs.conformance.suites import SUITES
from genesys_certs.conformance.workshop import TAG
from local.aws.server import EmbeddedAws
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
    said = command("--yes", "--other-region", "eu-west-1")
    assert said.code == 0, said.out
    for words in (
        "Makes, each with the tag",
        "a trust store that no listener uses",
        "a second bucket",
        "Costs less than",
    ):
        assert words in said.out
    count = len(SUITES["alb"].probes)
    assert f"{count} as claimed, 0 differ, 0 not asked" in said.out
    (path,) = tmp_path.glob("*.json")
    record = read_record(path.read_bytes())
    assert (record.service, record.region, len(record.answers)) == ("alb", "us-east-1", count)
    assert aws.account not in path.read_text()
    assert aws.client("s3").list_buckets()["Buckets"] == []
    assert aws.client("elbv2").describe_trust_stores()["TrustStores"] == []
    again = command("--yes", "--only", "alb.update.*")
    assert again.code == 3, "the other region was not asked"
    assert {one.name for one in tmp_path.glob("*.json")} == {path.name, f"{path.stem}-2.json"}


def test_nothing_is_made_in_another_account_than_the_one_that_is_named(aws: EmbeddedAws, command: Command) -> None:
    said = command("--yes", account="999999999999")
    assert (said.code, "--account names 999999999999" in said.err) == (64, True)
    assert command("--yes", "--clean", account="999999999999").code == 64
    assert app.main(["conformance", "aws", "--yes"]) == 64, "an account has to be named"
    assert mutating(aws) == []


def test_nothing_is_made_before_somebody_agreed(aws: EmbeddedAws, command: Command, tmp_path: Path) -> None:
    said = command()
    assert (said.code, "Nothing was made." in said.err) == (1, True)
    assert "Costs" in said.out
    assert mutating(aws) == []
    assert [*tmp_path.iterdir()] == []


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
    assert (refused.code, refused.out.count("run aaaa"), refused.out.count("run bbbb")) == (1, 2, 2)
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
    assert command("--clean", "--yes").code == 0
    aws.fail_next("elbv2", "DeleteTrustStore", "TrustStoreInUse", 400, 3)
    assert command("--yes").code == 0, "it is tried again"


def test_what_a_service_needs_is_said_before_anything_is_done(aws: EmbeddedAws, command: Command) -> None:
    assert "did you mean" in command("--service", "albb").err.lower()
    assert command("--run", "aaaa").code == 64
    assert mutating(aws) == []
