"""Slack gets the payloads that are on record, byte for byte.

A line of the record: the body of the queue's message and the payload posted for it. A payload that is to change is
recorded anew, and the difference reviewed.
"""

from typing import Any

import msgspec
import pytest

from rotation_watcher.alerts.slack_blocks import render
from rotation_watcher.slack import message_of
from tests.support.alert_examples import DELIVERED
from tests.unit.alerts.record_slack_payloads import PATH

RECORD = ".venv/bin/python -m tests.unit.alerts.record_slack_payloads"
RECORDS: dict[str, dict[str, Any]] = {
    record["name"]: record for record in map(msgspec.json.decode, PATH.read_bytes().splitlines())
}


@pytest.mark.parametrize("name", RECORDS)
def test_the_payload_is_the_recorded_one_byte_for_byte(name: str) -> None:
    record = RECORDS[name]
    anew = f"if it is meant to change: {RECORD} {name}, then review the difference of {PATH.name}"
    # msgspec keeps the order of keys, so that equal bytes mean equal order too.
    assert msgspec.json.encode(render(message_of(record["body"]))) == msgspec.json.encode(record["payload"]), anew


def test_every_alert_is_on_record() -> None:
    assert DELIVERED.keys() <= RECORDS.keys(), f"run {RECORD}, then read the new line of {PATH.name}"
