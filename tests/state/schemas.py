"""The schemas of persisted state, as text: what a format's number stands for.

``python -m tests.state.schemas`` writes them down for the numbers that the code has now. Do it only together with a new
number: a test compares, so that nobody adds a field that an older release would drop without a word.
"""

import json
from pathlib import Path
from typing import Any

import msgspec

from rotation_watcher import configuration, digests
from rotation_watcher.alerts.model import Kind
from rotation_watcher.bundles import decided, pins
from rotation_watcher.identity import publishing as identity
from rotation_watcher.revocation import kept
from rotation_watcher.revocation import state as crl_alerts
from rotation_watcher.sources import history
from rotation_watcher.status import expiry_state, files_state
from rotation_watcher.targets import loaded, record, revocation_state

STATES: dict[str, tuple[type, int]] = {
    "crl": (kept.Manifest, kept.FORMAT),
    "crl-alerts": (crl_alerts.State, crl_alerts.FORMAT),
    "accepted": (configuration.Accepted, configuration.FORMAT),
    "configuration": (configuration.State, configuration.FORMAT),
    "digests": (digests.State, digests.FORMAT),
    "expiry": (expiry_state.State, expiry_state.FORMAT),
    "history": (history.History, history.FORMAT),
    "loaded": (loaded.Loaded, loaded.FORMAT),
    "identity": (identity.Identity, identity.FORMAT),
    "operator-files": (files_state.State, files_state.FORMAT),
    "pins": (pins.Pins, pins.FORMAT),
    "revocations": (decided.Remembered, decided.FORMAT),
    "record": (record.Record, record.FORMAT),
    "target-revocations": (revocation_state.State, revocation_state.FORMAT),
}
_WORDS = {"title", "description"}
_STAMPED = {"origin", "links"}
"""Fields of an alert that are put on it as it leaves (``alerts.stamping``): no state ever holds them."""


def path_of(name: str) -> Path:
    """Where the schema is kept of the format that the code writes now."""
    return Path(__file__).with_name(f"format-{STATES[name][1]}") / f"{name}.schema.json"


def schema(state: type) -> str:
    """All fields with their types, and the values of closed enumerations; no words."""
    whole = msgspec.json.schema(state)
    if alert := whole.get("$defs", {}).get("Alert"):
        alert["properties"] = {name: one for name, one in alert["properties"].items() if name not in _STAMPED}
        del whole["$defs"]["Origin"]
    return f"{json.dumps(_bare(whole), indent=1, sort_keys=True)}\n"


def _bare(part: Any) -> Any:
    if isinstance(part, dict):
        if set(part.get("enum", ())) == {kind.value for kind in Kind}:
            return {"type": "string"}  # kinds are open: every release keeps those of others
        return {name: _bare(each) for name, each in part.items() if name not in _WORDS or not isinstance(each, str)}
    return [_bare(each) for each in part] if isinstance(part, list) else part


if __name__ == "__main__":
    for each, (state, _) in STATES.items():
        path_of(each).parent.mkdir(exist_ok=True)
        path_of(each).write_text(schema(state))
