"""The notes of alerts that wait: who wrote them, and that none goes that is still needed."""

from datetime import timedelta

import msgspec

from rotation_watcher import keys
from rotation_watcher.alerts.ledger import RENEWED, Ledger
from tests.stack.template import RESOURCES
from tests.support.alert_examples import EXAMPLES
from tests.support.fakes import InMemoryStore

ALERT = EXAMPLES["drift_found"]
PLACE = "targets/alb-1/record.json"
KEPT = timedelta(
    days=next(
        rule["ExpirationInDays"]
        for rule in RESOURCES["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
        if rule.get("Prefix") == keys.alert("")
    )
)


def noted(store: InMemoryStore) -> list[str]:
    return [key for key in store.writes if key.startswith("alerts/")]


def test_what_was_noted_is_own_in_its_object_alone() -> None:
    store = InMemoryStore()
    Ledger(store, PLACE).note([ALERT])
    assert Ledger(store, PLACE).own([ALERT]) == (ALERT,)
    assert Ledger(store, "targets/other/record.json").own([ALERT]) == ()
    assert Ledger(store, PLACE).own([msgspec.structs.replace(ALERT, title="another")]) == ()


def test_the_notes_lie_before_the_log_which_is_listed_with_all_that_follows() -> None:
    assert keys.alert("f" * 64) < keys.ALERT_LOG


def test_where_former_releases_noted_it_counts() -> None:
    store = InMemoryStore()
    Ledger(store, PLACE).note([ALERT])
    (key,) = noted(store)
    former = InMemoryStore()
    former.seed(keys.former_alert(key.rpartition("/")[2]), b"{}")
    assert Ledger(former, PLACE).own([ALERT]) == (ALERT,)


def test_as_long_as_an_alert_waits_its_note_is_never_as_old_as_the_bucket_removes_it() -> None:
    store = InMemoryStore()
    Ledger(store, PLACE).note([ALERT])
    begun = written = ALERT.at
    for day in range(3 * KEPT.days):
        now, writes = begun + timedelta(days=day), len(store.writes)
        ledger = Ledger(store, PLACE)
        assert ledger.own([ALERT]) == (ALERT,)
        ledger.renew([ALERT], now)
        if len(store.writes) > writes:
            assert now - written == RENEWED
            written = now
        assert now - written < KEPT / 4
    assert len({*noted(store)}) == 1


def test_a_note_that_was_never_written_is_not_renewed() -> None:
    store = InMemoryStore()
    ledger = Ledger(store, PLACE)
    assert ledger.own([ALERT]) == ()
    ledger.renew([ALERT], ALERT.at + 2 * RENEWED)
    assert noted(store) == []


def test_a_note_that_somebody_made_unreadable_counts_and_is_renewed_by_the_alerts_age() -> None:
    store = InMemoryStore()
    Ledger(store, PLACE).note([ALERT])
    (key,) = noted(store)
    for body in (b"\xff", b"[]", b'{"renewed": "2026-01-01T00:00:00"}'):
        store.seed(key, body)
        ledger = Ledger(store, PLACE)
        assert ledger.own([ALERT]) == (ALERT,)
        ledger.renew([ALERT], ALERT.at + RENEWED)
        stored = store.get(key)
        assert stored is not None
        assert b"renewed" in stored.body
        assert stored.body != body
