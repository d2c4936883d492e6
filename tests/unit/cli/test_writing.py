"""What ``init`` writes into SAM's file, and which authority it finds; the words that were meant; the small timeline."""

import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from genesys_certs import authorities
from genesys_certs.parameters import with_overrides
from genesys_certs.problems import Problem
from genesys_certs.status import draw
from rotation_watcher.config import Authority
from rotation_watcher.nearest import did_you_mean, nearest
from rotation_watcher.ports import Credentials
from rotation_watcher.regions import REGIONS
from rotation_watcher.status.timeline import Mark, Row, Span, Timeline

ROOT = Path(__file__).resolve().parents[3]
NOW = datetime(2026, 3, 1, tzinfo=UTC)
VALUES = {"GenesysRegion": "us-east-1", "Mode": "observe", "AlertEmail": ""}
OVERRIDES = 'GenesysRegion="us-east-1" Mode="observe"'


def written(text: str) -> str:
    found: str = tomllib.loads(text)["default"]["deploy"]["parameters"]["parameter_overrides"]
    return found


def test_parameters_go_into_the_projects_file_and_nothing_else_changes() -> None:
    before = (ROOT / "samconfig.toml").read_text()
    after = with_overrides(before, VALUES, force=False, where="x")
    assert written(after) == OVERRIDES
    assert [line for line in after.splitlines() if not line.startswith("parameter_overrides")] == before.splitlines()


@pytest.mark.parametrize(
    "before", ["", "version = 0.1\n", "[other.deploy.parameters]\nparameter_overrides = 'A=\"b\"'\n"]
)
def test_a_file_without_the_table_gets_it(before: str) -> None:
    assert written(with_overrides(before, VALUES, force=False, where="x")) == OVERRIDES


def test_answers_are_replaced_only_by_force() -> None:
    before = "[default.deploy.parameters]\nregion = 'x'\nparameter_overrides = 'A=\"b\"'\n[other]\na = 1\n"
    with pytest.raises(Problem, match="answers already") as caught:
        with_overrides(before, VALUES, force=False, where="x")
    assert "--force" in caught.value.remedy
    after = with_overrides(before, VALUES, force=True, where="x")
    assert (written(after), "[other]\na = 1" in after) == (OVERRIDES, True)


@pytest.mark.parametrize("before", ["[default.deploy.parameters]\nparameter_overrides = [\n'A=\"b\"',\n]\n", "a = ["])
def test_what_is_written_otherwise_is_left_to_the_person(before: str) -> None:
    with pytest.raises(Problem):
        with_overrides(before, VALUES, force=True, where="x")


def test_a_value_cannot_leave_its_quotes() -> None:
    with pytest.raises(Problem, match="AlertEmail"):
        with_overrides("", {"AlertEmail": 'a@b" Mode="apply'}, force=False, where="x")


@pytest.mark.parametrize(
    ("word", "meant"),
    [("us-esat-1", ["us-east-1"]), ("eu-centarl-1", ["eu-central-1"]), ("US-EAST-1", ["us-east-1"]), ("mars", [])],
)
def test_the_word_that_was_meant(word: str, meant: list[str]) -> None:
    assert nearest(word, REGIONS)[:1] == meant
    assert bool(did_you_mean(word, REGIONS)) == bool(meant)


def organisation(said: object, *, status: int = 200) -> list[Authority] | None:
    """What is found at an organisation whose data actions integration says this."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/oauth/token"):
            return httpx.Response(200, json={"access_token": "canary"})
        assert request.headers["authorization"] == "Bearer canary"
        if request.url.path.endswith("/integrations"):
            kinds = ("custom-rest-actions", "other")
            entities = [{"id": f"1-{kind[0]}", "integrationType": {"id": kind}} for kind in kinds]
            return httpx.Response(status, json={"entities": entities})
        assert request.url.path.endswith("/integrations/1-c/config/current")
        return httpx.Response(200, json={"properties": said})

    found = authorities.of_integrations(
        lambda: httpx.Client(transport=httpx.MockTransport(answer)),
        "https://api.example",
        "https://login.example",
        Credentials("id", "secret"),
    )
    return None if found is None else sorted(found)


def test_the_authority_is_what_the_integrations_say() -> None:
    assert organisation({authorities.PROPERTY: "DigiCert"}) == [Authority.DIGICERT]
    assert organisation({authorities.PROPERTY: "GENESYS"}) == [Authority.GENESYS]


@pytest.mark.parametrize("said", [{}, {authorities.PROPERTY: None}, [], None, "x"])
def test_where_they_do_not_say_nobody_knows(said: object) -> None:
    assert organisation(said) is None
    assert organisation({authorities.PROPERTY: "DigiCert"}, status=403) is None


def row(what: str, bar: Span | None) -> Row:
    return Row(what, "current", NOW + timedelta(days=10), ended=False, bar=bar, grace=None, removed=None, thresholds=())


@pytest.mark.parametrize("width", range(30, 200, 7))
def test_the_timeline_fits_every_width(width: int) -> None:
    bars = [Span(0, 100), Span(99.9, 0.1), Span(0, 0.01), Span(50, 50), None]
    picture = Timeline(
        22.6, (Mark(1, "2026"), Mark(2, "Apr"), Mark(91, "Oct")), tuple(row("Current", b) for b in bars), ()
    )
    lines = [*draw(picture, NOW, width, fine=False)]
    assert all(len(line) <= width for line in lines)
    assert all("10 d" in line for line in lines[: len(bars)])


def test_the_timeline_shows_validity_and_today() -> None:
    (line,) = draw(Timeline(50, (), (row("Current", Span(25, 50)),), ()), NOW, 53, fine=False)
    assert line == "  Current       ======|=====       2026-03-11    10 d"
