"""What an edit of the watch file changes, in words and as data, before it is uploaded."""

from typing import Any

import msgspec

from genesys_certs import edits
from genesys_certs.edits import Edit
from rotation_watcher import config
from rotation_watcher.config import Watch

SECRET = "arn:aws:ssm:us-east-1:123456789012:parameter/genesys/oauth"


def store(name: str) -> str:
    return f"arn:aws:elasticloadbalancing:us-east-1:123456789012:truststore/{name}/73e2d6bc24d8a067"


def watch(**changes: Any) -> Watch:
    document = {
        "sources": [{"id": "use1", "region": "us-east-1", "credentials": SECRET}],
        "bundles": [{"id": "main", "sources": ["use1"]}],
        "defaults": {"targets": {"bundle": "main"}},
        "targets": [store("a"), store("b")],
    }
    return config.from_document(document | changes, stack_region="us-east-1")


def compare(before: Watch | None, after: Watch, **granted: list[str]) -> Edit:
    return edits.compare(before, after, "against s3://conf/watch.yaml", granted)


def lines(before: Watch | None, after: Watch, **granted: list[str]) -> list[str]:
    return edits.text(compare(before, after, **granted), 120)


def test_the_same_said_otherwise_is_no_change() -> None:
    long = watch(targets=[{"id": "a", "arn": store("a"), "bundle": "main", "on_drift": "heal"}, store("b")])
    assert lines(watch(), long) == ["watch file: nothing changes (against s3://conf/watch.yaml)", ""]
    assert not compare(watch(), long).changes


def test_what_comes_goes_and_changes_is_told_with_old_and_new() -> None:
    after = watch(
        mode="apply",
        sources=[
            {"id": "use1", "region": "us-east-1", "credentials": SECRET},
            {"id": "euc1", "region": "eu-central-1", "credentials": SECRET},
        ],
        bundles=[{"id": "main", "sources": ["use1", "euc1"]}],
        targets=[{"arn": store("a"), "on_drift": "report", "max_certificates": 50}, store("c")],
        policy={"retain_days": 60, "weekly_digest": {"day": "never"}},
    )
    assert lines(watch(), after) == [
        (
            "watch file: 1 target added, 1 target removed, 1 target changed, 1 bundle changed, 1 source added,"
            " 3 settings changed (against s3://conf/watch.yaml)"
        ),
        "  ~ mode observe → apply",
        "  ~ policy.retain_days 30 → 60",
        "  ~ policy.weekly_digest.day monday → never",
        f"  + source euc1: region eu-central-1, credentials {SECRET}",
        "  + target c (ALB trust store c): bundle main",
        "  - target b (ALB trust store b); watched no longer, what it holds stays",
        "  ~ bundle main: sources [use1] → [use1, euc1]",
        "  ~ target a (ALB trust store a): on_drift heal → report, max_certificates by default → 50",
        "",
    ]


def test_five_hundred_targets_that_change_alike_are_told_together() -> None:
    many = [store(f"t{number}") for number in range(500)]
    said = lines(
        watch(targets=many), watch(targets=many[:480], defaults={"targets": {"bundle": "main", "unknown": "remove"}})
    )
    assert "20 targets removed, 480 targets changed" in said[0]
    assert "  ~ 480 targets: unknown keep → remove" in said
    assert any(line.endswith("and 468 more") for line in said)
    assert len(said) < 15
    edit = compare(None, watch(targets=many))
    assert len(edit.added) == 502
    assert len(edits.text(edit, 100)) < 15


def test_another_id_of_the_same_target_is_a_change_and_says_what_goes_on() -> None:
    said = lines(watch(), watch(targets=[{"id": "edge", "arn": store("a")}, store("b")]))
    assert "  ~ target edge (ALB trust store a): id a → edge" in said
    (noted,) = [line for line in [" ".join("".join(said).split())] if "with another id" in line]
    assert "! 1 target with another id: what is known of it goes on" in noted
    assert "stay under the former one" not in noted, "state lies under the ARN (decision 0055)"


def test_what_the_roles_do_not_allow_yet_is_named() -> None:
    said = " ".join(lines(watch(), watch(), TargetArns=[store("a")], CredentialArns=[SECRET]))
    assert f"! TargetArns of the stack lacks {store('b')}: deploy with them first" in " ".join(said.split())
    assert "CredentialArns" not in said
    assert compare(watch(), watch(), TargetArns=[store("a")]).not_granted == {"TargetArns": [store("b")]}


def test_where_a_tag_permits_targets_it_is_asked_for_and_no_list_that_has_no_room_for_them() -> None:
    elsewhere = store("c").replace("us-east-1", "eu-west-1")
    place, edge = "arn:aws:s3:::the-bucket/doors/", "arn:aws:cloudfront::123456789012:trust-store/ts_1"
    after = config.from_document(
        msgspec.to_builtins(watch(targets=[store("a"), store("b"), place, edge]))
        | {"targets": [{"arn": one, "bundle": "main"} for one in (store("a"), store("b"), elsewhere, place, edge)]},
        stack_region="us-east-1",
        elsewhere=config.UNKNOWN_STACK,
    )
    granted = {"TargetArns": [store("a")], "CredentialArns": []}
    edit = edits.compare(watch(), after, "", granted, edits.Tagged("a:stack=the-stack", "us-east-1"))
    assert edit.not_granted == {"TargetArns": [elsewhere, place], "CredentialArns": [SECRET]}
    assert edit.by_tag == [store("b"), edge]
    said = " ".join(" ".join(edits.text(edit, 120)).split())
    assert f"! TargetArns of the stack lacks {elsewhere}, {place}: deploy with them first" in said
    assert f"! must bear the tag a:stack=the-stack: {store('b')}, {edge}" in said


def test_a_target_that_the_stack_may_change_and_the_file_does_not_name_is_told_as_watched_by_nobody() -> None:
    granted = {"TargetArns": [store("a"), store("b"), store("forgotten")], "CredentialArns": [SECRET]}
    edit = compare(watch(), watch(), **granted)
    assert edit.unwatched == [store("forgotten")]
    assert not edit.changes
    said = " ".join(" ".join(edits.text(edit, 120)).split())
    assert f"! TargetArns of the stack names what the file does not, so nobody watches it: {store('forgotten')}" in said
    assert "nobody watches it" not in " ".join(lines(watch(), watch(), TargetArns=[store("a"), store("b")]))
