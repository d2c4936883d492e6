"""No text from outside reaches an alert as it is, whichever builder it is given to: each, by its signature."""

import inspect
import re
import typing
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum
from functools import cache
from types import UnionType

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotation_watcher.alerts import builders
from rotation_watcher.alerts.builders import Ending, FileChange, Named, Role, digest
from rotation_watcher.alerts.builders.operator_files import COMMANDS as FILES_COMMANDS
from rotation_watcher.alerts.builders.wording import TITLE
from rotation_watcher.alerts.model import Alert, Severity, SourceName, Status, TargetName
from rotation_watcher.alerts.stamping import stamped
from rotation_watcher.keys import Place
from rotation_watcher.kinds import Door, DoorKind
from rotation_watcher.trust.findings import Finding
from rotation_watcher.x509.crl_facts import CrlFacts
from rotation_watcher.x509.facts import CertificateFacts
from tests.support.alert_examples import ALB, BUCKET, CURRENT, DELIVERED, EXAMPLES, HELD_LIST, NOW, STACK

BUILDERS = dict(inspect.getmembers(builders, inspect.isfunction))
NASTY = "\x1b[31mRED\r\nSubject: you won\u202egnp.exe\u2066\u200b\x00\x07\u2028next \U000e0041"
HOSTILE = st.text(max_size=400) | st.sampled_from([NASTY, "<!channel> *bold* `code`", "\ud800", "x" * 1000])


def values(hint: object) -> st.SearchStrategy[object]:
    """Values of a type of argument, every text in them hostile."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if isinstance(hint, UnionType):
        return st.one_of([values(one) for one in inner])
    if origin is Sequence:
        rows = (
            typing.get_origin(inner[0]) is tuple or inner[0] is Alert
        )  # of what an alert is about: there is one at least
        return st.lists(values(inner[0]), min_size=int(rows), max_size=4).map(tuple)
    if origin is Mapping:
        return st.dictionaries(values(inner[0]), values(inner[1]), max_size=4)
    if origin is tuple:
        return st.tuples(*map(values, inner))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from([*hint])
    return PLAIN[hint]


def leaf(subject: str, issuer: str, names: list[str]) -> CertificateFacts:
    return msgspec.structs.replace(CURRENT, subject=subject, issuer=issuer, names=tuple(names))


def held_list(issuer: str) -> CrlFacts:
    return msgspec.structs.replace(HELD_LIST, issuer=issuer)


def told_before(name: str, title: str, words: str, commands: list[str], facts: dict[str, str]) -> Alert:
    """An alert of the log, as if somebody had written there what he liked."""
    to_do = "\n".join([words, *commands])
    return msgspec.structs.replace(
        DELIVERED[name], title=title, what_happened=words, what_it_means=words, what_to_do=to_do, facts=facts
    )


NAMED = st.builds(Named, HOSTILE, HOSTILE)

PLAIN: dict[object, st.SearchStrategy[object]] = {
    str: HOSTILE,
    type(None): st.none(),
    bool: st.booleans(),
    int: st.integers(0, 10**6),
    datetime: st.just(NOW),
    CertificateFacts: st.builds(leaf, HOSTILE, HOSTILE, st.lists(HOSTILE, max_size=4)),
    Door: st.builds(Door, st.sampled_from(DoorKind), HOSTILE, HOSTILE),
    CrlFacts: st.builds(held_list, HOSTILE),
    Ending: st.builds(
        Ending,
        role=st.sampled_from(Role),
        of=HOSTILE,
        authority=HOSTILE,
        subject=HOSTILE,
        fingerprint=HOSTILE,
        at=st.just(NOW),
        file=HOSTILE,
        fresh=st.booleans(),
        severity=st.sampled_from(Severity),
    ),
    FileChange: st.builds(
        FileChange,
        key=HOSTILE | st.sampled_from(["anchors/a.pem", "extra/a.pem", "approvals/0a.json"]),
        at=st.just(NOW),
        was_there=st.booleans(),
        is_there=st.booleans(),
        came=st.lists(NAMED, max_size=2).map(tuple),
        went=st.lists(NAMED, max_size=2).map(tuple),
        passed=st.lists(NAMED, max_size=2).map(tuple),
        former=st.none() | HOSTILE,
        certificate=st.none() | NAMED,
        until=st.none() | st.just(NOW),
        root=st.none() | HOSTILE,
        unread=HOSTILE,
        by=st.lists(HOSTILE.map("AWS:AROA0:{}".format) | HOSTILE, max_size=5).map(tuple),
        addresses=st.lists(HOSTILE, max_size=2).map(tuple),
    ),
    Finding: st.builds(Finding, st.just("malformed"), HOSTILE),
    Place: st.just(Place(BUCKET, "anchors/us-east-1.pem")),
    SourceName: st.just(SourceName("use1", "us-east-1")),
    Alert: st.builds(
        told_before,
        st.sampled_from(["rotated", "truststore_updated", "filters_updated", "resolved"]),
        HOSTILE,
        HOSTILE,
        st.lists(HOSTILE, max_size=9),
        st.dictionaries(HOSTILE, HOSTILE, max_size=9),
    ),
    TargetName: st.builds(TargetName, st.just("alb"), st.just(ALB.arn), HOSTILE),
}


@cache
def alerts(name: str) -> st.SearchStrategy[Alert]:
    hints = typing.get_type_hints(BUILDERS[name])
    del hints["return"]
    drawn = {argument: values(hint) for argument, hint in hints.items()}
    for argument in {"leaving", "ends"} & drawn.keys():  # what an alert is about: there is one at least
        drawn[argument] = drawn[argument].filter(bool)
    return st.builds(BUILDERS[name], **drawn)


@pytest.mark.parametrize("name", BUILDERS)
@given(data=st.data())
@settings(max_examples=20)
def test_no_hostile_text_reaches_an_alert_as_it_is(name: str, data: st.DataObject) -> None:
    raw = data.draw(alerts(name))
    assert all(len(value) <= 320 for value in raw.facts.values()), f"{name}: a fact is too long: plain() cuts it"
    alert = stamped(raw, STACK)
    assert re.fullmatch(r"[ -~]+", alert.title)
    assert len(alert.title) <= TITLE
    lines = [alert.what_happened, alert.what_it_means, *alert.what_to_do.split("\n")]
    shown = [*lines, *alert.facts, *alert.facts.values(), alert.id]
    signs = [sign for words in shown for sign in words if unicodedata.category(sign)[0] == "C"]
    assert not signs, f"{name}: all that enters an alert passes _alert in alerts/builders/subjects.py"
    assert all(alert.facts.values())
    # A line break is ours alone: it opens a command.
    assert alert.what_happened.count("\n") == alert.what_it_means.count("\n") == 0
    commands = max(
        one.what_to_do.count("\n")
        for one in EXAMPLES.values()
        if one.kind == alert.kind or one.status is alert.status is Status.RESOLVED
    )
    of_many = {"summed_up": digest.COMMANDS, "more_alike": digest.COMMANDS, "operator_files_changed": FILES_COMMANDS}
    assert alert.what_to_do.count("\n") <= max(commands, of_many.get(name, 0)), (
        f"{name}: more commands than any example of its kind has"
    )
