"""At DEBUG each decision is in the log, with its reason, and no secret beside it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.secrets.conftest import CanaryEnvironment
from tests.support import others

type CanaryRun = tuple[CanaryEnvironment, Callable[[], list[str]]]


def lines(printed: str) -> list[dict[str, Any]]:
    """The decisions in what a function printed, in their order."""
    logged = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    return [one["decision"] for one in logged if one.get("message") == "decided" and one["level"] == "DEBUG"]


def test_each_decision_is_a_line_with_its_reason_and_no_secret(
    canary: CanaryRun, capfd: pytest.CaptureFixture[str]
) -> None:
    world, leaks = canary
    region = world.environment.world.region("us-east-1")
    stranger = others.partner(region, "A stranger")
    others.tell_of(region, stranger)
    for _ in range(2):
        assert not isinstance(world.invoke("collect", {}), Exception)
    assert not isinstance(world.invoke("publish", {}), Exception)
    assert not isinstance(world.invoke("publish", {"dry_run": True}), Exception)
    printed = capfd.readouterr()
    world.hear("debug", printed.out + printed.err)
    said = lines(printed.out)

    (refused, *_) = [one for one in said if one.get("certificate") == stranger.fingerprint]
    assert (refused["decided"], refused["authority"], refused["source"]) == ("quarantined", "Genesys", "use1")
    assert any(why.startswith("chain-untrusted: ") for why in refused["why"])
    current = region.presented("Genesys").fingerprint
    (accepted, *_) = [one for one in said if one.get("certificate") == current]
    assert (accepted["decided"], accepted["status"]) == ("accepted", "current")
    assert accepted["why"] == ["it leads to an anchor, and nothing stands against it"]
    quiet = [one for one in said if one.get("decided") == "read"]
    assert quiet
    targets = [one for one in said if one.get("target") == "alb"]
    assert [one["mode"] for one in targets] == ["apply", "dry run"]
    assert all(one["decided"] for one in targets)
    assert leaks() == []


def test_at_info_there_is_none(
    canary: CanaryRun, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, _ = canary
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "INFO")
    assert not isinstance(world.invoke("collect", {}), Exception)
    printed = capfd.readouterr().out
    assert '"collected"' in printed
    assert lines(printed) == []
