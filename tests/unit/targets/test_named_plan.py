"""What would change, by name: one model and one text for the function's answer and for the command."""

from datetime import UTC, datetime

import msgspec
import pytest

from rotation_watcher.alerts.builders.wording import common_name
from rotation_watcher.targets.named_plan import Named, NamedPlan, fitted, name_certificate, text, total
from rotation_watcher.x509.facts import CertificateFacts
from rotation_watcher.x509.outline import UNKNOWN_TIME
from tests.support.small_world import SmallWorld

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def named(number: int, **more: object) -> Named:
    return msgspec.structs.replace(
        Named(
            name=f"Root {number}",
            issuer=f"Root {number}",
            not_before=NOW,
            not_after=NOW.replace(year=2036),
            sha256=f"{number:064x}",
            wanted_for=("use1/Genesys",),
        ),
        **more,
    )


def plan(**more: object) -> NamedPlan:
    made = NamedPlan(
        target="alb", arn="arn", label="ALB trust store main", mode="apply", outcome="would-update", changes=True,
        add=(named(1), named(2)), keep=(named(3), named(4), named(5)), kept=3,
    )  # fmt: skip
    return msgspec.structs.replace(made, **more)


def test_the_text_names_each_certificate_and_ends_with_the_total() -> None:
    lines = text([plan()])
    assert lines[2:4] == [
        "  + Root 1",
        "      issued by itself, 2026-03-01 to 2036-03-01, SHA-256 0000000000000000, for use1/Genesys",
    ]
    assert [line[:3] for line in lines if line[2:3] in "+-=!" and line[:2] == "  "] == ["  +"] * 2 + ["  ="] * 3
    assert lines[-1] == "2 to add, 0 to remove, 3 kept"


def test_of_several_targets_the_total_is_one() -> None:
    plans = [plan(), plan(target="api", add=(), remove=(named(9),), waiting=(named(8),), kept=1)]
    assert total(plans) == text(plans)[-1] == "2 to add, 1 to remove, 4 kept, 1 waiting"


def test_what_is_the_same_at_many_targets_is_said_once_with_how_many_they_are() -> None:
    many = [plan(target=f"t{number}", label=f"ALB trust store t{number}") for number in range(500)]
    one = plan(target="odd", label="ALB trust store odd", add=(named(9),))
    lines = text([many[0], one, *many[1:]], 120)
    assert lines[0] == "500 targets, each: t0, t1, t2, t3, t4, t5, t6, t7, t8, t9, t10, t11 and 488 more"
    assert "odd: ALB trust store odd" in lines
    assert len(lines) < 40
    assert lines[-1] == "1001 to add, 0 to remove, 1503 kept"


def test_few_targets_are_named_one_by_one_although_they_say_the_same() -> None:
    lines = text([plan(target=f"t{number}") for number in range(5)])
    assert [line for line in lines if line.endswith(": ALB trust store main")] == [
        f"t{number}: ALB trust store main" for number in range(5)
    ]


@pytest.mark.parametrize("mode", ["observe", "apply"])
def test_the_text_says_what_the_mode_does_with_it(mode: str) -> None:
    lines = text([plan(mode=mode)])
    assert any(line.startswith(f"mode {mode}: ") for line in lines)
    assert not any(line.startswith("mode ") for line in text([plan(mode=mode, changes=False)]))


@pytest.mark.parametrize("width", [40, 60, 80, 140])
def test_no_line_is_wider_than_asked_for(width: int) -> None:
    long = plan(
        add=(
            named(1, name="A rather long name of a root " * 3, wanted_for=("us-east-1/Genesys", "extra/partner.pem")),
        ),
        open_doors=("listener 443: it does not verify client certificates, so that everybody comes in",),
        notes=("nothing is removed: source use1 was last read at 2026-03-01 00:00 UTC",),
    )
    assert max(map(len, text([long], width))) <= width


def test_an_answer_names_a_bounded_number_of_what_stays_and_counts_it_all() -> None:
    many = [plan(keep=tuple(map(named, range(25))), kept=25) for _ in range(500)]
    small = fitted(many)
    assert sum(len(one.keep) for one in small) <= 2000
    assert total(small) == total(many)
    assert len(msgspec.json.encode(small)) + len("\n".join(text(small))) < 3_000_000


def test_a_name_is_the_common_name_and_harmless() -> None:
    assert common_name("CN=Root CA,O=Genesys,C=US") == "Root CA"
    assert common_name(r"O=x,CN=A\, B\=C") == "A, B=C"
    assert common_name("O=Genesys,C=US") == "O=Genesys,C=US"
    assert common_name("") == "(no name)"
    assert common_name("CN=a\x1b[2J\nb") == "a?[2J?b"


def test_a_certificate_of_which_only_the_digest_is_known_has_no_dates() -> None:
    facts = CertificateFacts(
        fingerprint="ab" * 32, spki_sha256="", subject="(not at hand any more)", issuer="", serial="", names=(),
        not_before=UNKNOWN_TIME, not_after=UNKNOWN_TIME,
    )  # fmt: skip
    one = name_certificate(facts)
    assert (one.not_before, one.not_after, one.issuer) == (None, None, "")
    assert "      SHA-256 abababababababab, of others" in text([plan(add=(one,))])


def test_what_a_hold_keeps_from_happening_waits_and_is_not_counted_as_a_change() -> None:
    world = SmallWorld()
    world.present("old")
    world.publish(targets=["alb"])
    world.widen("new")
    summary = world.publish(targets=["alb"], dry_run=True)
    before = summary.targets["alb"].plan
    assert before is not None
    assert (before.changes, len(before.add), summary.text[-1]) == (True, 1, total([before]))
    world.publish(targets=["alb"])
    back = world.publish(rollback="alb", dry_run=True).targets["alb"].plan
    assert back is not None
    assert ([one.sha256 for one in back.remove], back.add) == ([one.sha256 for one in before.add], ())
    world.publish(rollback="alb")
    held = world.publish(targets=["alb"], dry_run=True).targets["alb"].plan
    assert held is not None
    assert (held.changes, held.add, held.remove, len(held.waiting)) == (False, (), (), 1)
    assert any("held since" in note for note in held.notes)
