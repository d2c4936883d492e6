"""Record the Slack payload of each new example.

``.venv/bin/python -m tests.unit.alerts.record_slack_payloads [NAME …]``

Lines on record stay as they are, except those that are named: their payload is recorded anew, of an example for what
it is now, of any other line for the body on record.
"""

import sys
from pathlib import Path

import msgspec

from rotation_watcher.alerts.slack_blocks import render
from rotation_watcher.slack import message_of
from tests.support.alert_examples import DELIVERED

PATH = Path(__file__).resolve().parents[1] / "data" / "slack-payloads.jsonl"


def line(name: str, body: str) -> bytes:
    """The record of one body of the queue."""
    return msgspec.json.encode({"name": name, "body": body, "payload": render(message_of(body))})


if __name__ == "__main__":
    anew = {*sys.argv[1:]}
    lines = {str(msgspec.json.decode(each)["name"]): each for each in PATH.read_bytes().splitlines()}
    bodies = {name: msgspec.json.decode(each)["body"] for name, each in lines.items()}
    bodies |= {name: msgspec.json.encode(alert).decode() for name, alert in DELIVERED.items()}
    lines |= {name: line(name, body) for name, body in bodies.items() if name in anew or name not in lines}
    PATH.write_bytes(b"".join(each + b"\n" for each in lines.values()))
