"""A message about a fleet says how many targets it is about and what happened to them, however long their ids are."""

from datetime import timedelta

import msgspec
import pytest

from rotation_watcher.alerts import mail
from rotation_watcher.alerts.builders import more_alike, summed_up
from rotation_watcher.alerts.model import Alert, Severity, Status
from tests.support.kept_state import NOW, alert

replace = msgspec.structs.replace


def fleet(name: str) -> list[Alert]:
    """The same of a thousand targets whose ids end so."""
    words = "it could not be updated (target-denied)"
    return [
        replace(
            alert(number),
            id=f"truststore-update-failed:t{number:03}:{number}",
            target=f"t{number:03}{name}",
            title=f"ALB trust store t{number:03}{name}: {words}",
            severity=Severity.WARNING,
        )
        for number in range(1000)
    ]


@pytest.mark.parametrize("name", ["", "-bank-prod-eu-central-1-truststore", "x" * 59])
def test_the_number_and_what_happened_are_never_cut_away(name: str) -> None:
    for one in (more_alike(fleet(name), NOW + timedelta(minutes=5)), summed_up(fleet(name), NOW)):
        for words in (one.title, mail.subject(one)):
            assert "1000 targets (t000" in words
            assert words.endswith(": it could not be updated (target-denied)")
        assert "more): it could not be updated (target-denied)" in one.what_happened
        assert "?" not in one.title


@pytest.mark.parametrize("name", ["", "-bank-prod-eu-central-1-truststore", "x" * 59])
def test_the_end_of_a_fleets_trouble_says_that_it_is_over(name: str) -> None:
    ends = [replace(one, status=Status.RESOLVED, title=f"Over: {one.title}") for one in fleet(name)]
    one = more_alike(ends, NOW + timedelta(minutes=5))
    for words in (one.title, mail.subject(one)):
        assert "Over: 1000 targets (t000" in words
        assert words.endswith(": it could not be updated (target-denied)")


def test_several_sorts_of_further_messages_keep_their_number() -> None:
    alike = fleet("-bank-prod-eu-central-1-truststore")
    others = [replace(one, title=one.title.replace("denied", "busy, for the third day in a row")) for one in alike[:9]]
    one = more_alike([*others, *alike], NOW + timedelta(minutes=5))
    assert one.title.startswith("1009 more messages: ")
