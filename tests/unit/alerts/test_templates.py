"""Commands in alerts: our words are filled at delivery, and foreign text is never taken for them."""

import re
import shlex
import subprocess

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotation_watcher.alerts.builders import file_damaged
from rotation_watcher.alerts.builders.templates import Template, command, invoke, joined, uri
from rotation_watcher.alerts.fills import MARKS, Fill, filled
from rotation_watcher.alerts.model import Alert, SourceName
from rotation_watcher.alerts.stamping import stamped
from tests.support.alert_examples import BUCKET, DELIVERED, EXAMPLES, NOW, SINCE, STACK

VALUES = STACK.fills()
TRICKS = [
    "{bucket}",
    "{{bucket}}",
    Fill.BUCKET.mark,
    "\ue000bucket\ue001\nrm -rf ~",
    "$(id)",
    "`id`",
    "'; id; '",
    "a\nb",
]


@pytest.mark.parametrize("foreign", TRICKS)
def test_a_foreign_part_is_one_word_for_the_shell_and_nothing_in_it_is_filled(foreign: str) -> None:
    line = filled(command("aws s3 cp {file} s3://{bucket}/x --region {region}", file=foreign), VALUES)
    words = shlex.split(line)
    assert words[:3] + words[4:] == ["aws", "s3", "cp", f"s3://{BUCKET}/x", "--region", "us-east-1"]
    assert BUCKET not in words[3]
    assert "\n" not in line


@given(st.text(alphabet=st.characters() | st.sampled_from("\ue000\ue001{}'\"$`\n"), max_size=60))
def test_no_text_whatever_brings_a_place_to_be_filled_or_another_word(foreign: str) -> None:
    marked = command("printf {foreign}", foreign=f"x{foreign}")
    assert not any(mark in marked for mark in MARKS.values())
    assert len(shlex.split(filled(marked, VALUES))) == 2


@pytest.mark.parametrize("foreign", TRICKS)
def test_a_hostile_name_in_an_alert_is_not_filled_wherever_it_is_shown(foreign: str) -> None:
    alert = file_damaged(
        subject=SourceName("use1", "us-east-1"),
        bucket="b",
        key=f"anchors/{foreign}.pem",
        faults=[(1, "truncated", foreign)],
        used=0,
        since=SINCE,
        now=NOW,
    )
    shown = stamped(alert, STACK)
    assert BUCKET not in " ".join([shown.title, shown.what_happened, shown.what_to_do, *shown.facts.values()])
    assert shown.what_to_do.count("\n") == 1


def test_a_template_that_is_cut_or_put_together_by_others_is_ordinary_text() -> None:
    made = uri("a")
    assert isinstance(made, Template)
    assert not isinstance(made + "b", Template)
    assert not isinstance(f"{made}", Template)
    assert isinstance(joined("{one} | {two}", one=command("a"), two=command("b")), Template)


def test_a_name_that_is_neither_foreign_nor_a_place_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError, match="buckte"):
        command("aws s3 ls s3://{buckte}")


def test_a_place_that_nobody_can_fill_is_shown_by_its_name() -> None:
    assert filled("a \ue000new_thing\ue001 b", VALUES) == "a <new_thing> b"


def test_the_answer_of_a_call_appears_in_the_terminal() -> None:
    line = filled(invoke(Fill.PUBLISH, {"release": "alb"}), VALUES)
    assert line == (
        "aws lambda invoke --function-name genesys-watcher-PublishFunction-6F5e4D3c2B1a --region us-east-1"
        ' --cli-read-timeout 0 --cli-binary-format raw-in-base64-out --payload \'{"release": "alb"}\' /dev/stdout'
    )


@pytest.mark.parametrize("alert", EXAMPLES.values(), ids=EXAMPLES)
def test_every_place_in_an_alert_is_one_that_delivery_fills(alert: Alert) -> None:
    text = " ".join([alert.title, alert.what_happened, alert.what_it_means, alert.what_to_do, *alert.facts.values()])
    assert set(re.findall("\ue000(.*?)\ue001", text)) <= {*Fill}


@pytest.mark.parametrize("alert", DELIVERED.values(), ids=DELIVERED)
def test_every_command_is_whole_names_its_region_and_needs_no_folder_of_the_project(alert: Alert) -> None:
    _, *commands = alert.what_to_do.split("\n")
    for line in commands:
        assert subprocess.run(["bash", "-n", "-c", line], capture_output=True, check=False).returncode == 0
        calls = [one.strip() for one in re.split(r"\||&&|;", line) if one.strip().startswith("aws ")]
        assert calls, "a command that calls nothing"
        # CloudFront has one endpoint for a partition, and the CLI knows it.
        there = re.search(r"^arn:aws:elasticloadbalancing:([a-z0-9-]+):", alert.facts.get("ARN", ""))
        places = tuple(f"--region {one}" for one in ("us-east-1", there[1] if there else "us-east-1"))
        assert all(any(place in one for place in places) or one.startswith("aws cloudfront ") for one in calls)
        assert "sam " not in line
        assert not re.search("[\ue000\ue001<>](?!>)", re.sub(r">> (anchors|current)\.pem", "", line))


def test_the_name_of_a_function_that_is_not_known_is_looked_up_by_the_command() -> None:
    unknown = msgspec.structs.replace(STACK, functions={})
    line = stamped(EXAMPLES["removal_held"], unknown).what_to_do.split("\n")[1]
    looked_up = re.search(r'--function-name "\$\((.*?)\)"', line)
    assert looked_up is not None
    assert shlex.split(looked_up[1])[:3] == ["aws", "cloudformation", "describe-stack-resource"]
    assert "--logical-resource-id PublishFunction" in looked_up[1]
    assert "--stack-name genesys-watcher" in looked_up[1]
