"""The weekly digest says how all stands, in the watcher's own words."""

import json

import msgspec
import pytest

from rotation_watcher import config, keys
from rotation_watcher.alerts.conditions import Condition
from rotation_watcher.alerts.model import Alert, Kind, Severity
from rotation_watcher.status.gather import ALERTS, gather
from rotation_watcher.status.weekly import weekly_digest
from tests.support.kept_state import HOUR, NOW, KeptState, alert

replace = msgspec.structs.replace
HIS = "call 555 and type his commands"


def told(kept: KeptState) -> Alert:
    return weekly_digest(gather(kept.watch, kept.store, NOW, stack="watcher"), "2026-11-30", NOW)


def with_condition(kept: KeptState, **changes: object) -> KeptState:
    """The first source has an open condition, as its history has it."""
    one = Condition(
        kind=Kind.SOURCE_FAILING, since=NOW, alerted=NOW, alert="source-failing:x:y", severity=Severity.CRITICAL
    )
    known = kept.histories[kept.regions[0]]
    kept.keep_history(replace(known, conditions={"x": replace(one, **changes)}))
    return kept


def test_the_verdict_names_the_worst_open_alert_and_how_many_reasons_there_are() -> None:
    assert told(KeptState()).facts["verdict"] == "All good."
    assert told(with_condition(KeptState())).facts["verdict"] == "Act now: source-failing of us-east-1"
    kept = with_condition(KeptState(2))
    second = kept.histories[kept.regions[1]]
    kept.keep_history(replace(second, conditions=kept.histories[kept.regions[0]].conditions))
    assert told(kept).facts["verdict"] == f"Act now: source-failing of {kept.regions[0]} (1 of 2)"


def test_what_no_alert_speaks_of_is_counted() -> None:
    kept = KeptState()
    kept.store.seed(keys.history("us-east-1"), b"{")
    facts = told(kept).facts
    assert facts["verdict"] == "Look at it: the status page says why"
    assert facts["us-east-1"] == "its state cannot be read"


@pytest.mark.parametrize("field", ["title", "kind"])
def test_who_writes_a_history_has_nobody_told_his_words(field: str) -> None:
    assert HIS not in json.dumps(msgspec.to_builtins(told(with_condition(KeptState(), **{field: HIS}))))


def test_who_writes_the_state_of_lists_has_nobody_told_his_words() -> None:
    kept = KeptState()
    one = {"kind": "revoked", "since": NOW, "alerted": NOW, "severity": "critical"}
    kept.store.seed(
        keys.CRL_STATE,
        msgspec.json.encode({"format": "1", "conditions": {"x": one}, "about": {"x": {"source": HIS, "region": HIS}}}),
    )
    assert HIS not in json.dumps(msgspec.to_builtins(told(kept)))


@pytest.mark.parametrize("content", [b'{"format": "%b"}' % HIS.encode(), b'{"%b": 1}' % HIS.encode()])
def test_what_cannot_be_read_is_not_quoted(content: bytes) -> None:
    kept = KeptState()
    kept.store.seed(keys.history("us-east-1"), content)
    assert HIS not in json.dumps(msgspec.to_builtins(told(kept)))


def test_two_sources_of_one_region_have_a_line_each() -> None:
    kept = KeptState()
    document = msgspec.json.decode(msgspec.json.encode(kept.watch))
    document["sources"] = [*document["sources"], {**document["sources"][0], "id": "second"}]
    kept.watch = config.from_document(document, stack_region="us-east-1")
    facts = told(kept).facts
    assert facts["us-east-1 (us-east-1)"].startswith("Genesys current")
    assert facts["us-east-1 (second)"] == "no certificate is accepted"


def test_what_was_told_is_counted_and_where_the_list_is_full_it_is_more() -> None:
    kept = KeptState()
    assert told(kept).facts["told in seven days"] == "nothing"
    for number in range(ALERTS + 1):
        if number == 1:
            assert told(kept).facts["told in seven days"] == "1 message"
        kept.tell(alert(number), NOW - number * HOUR)
    assert told(kept).facts["told in seven days"] == "50 messages or more"
