"""The status page in a real browser: phone and desktop, light, dark and print, with and without script.

It is judged by axe-core and by what the browser asks for and complains of. Where a machine has no chromium these tests
say so and are skipped; ``.ci/run`` installs one.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache
from itertools import product
from pathlib import Path

import pytest

from local.looking import MISSING, Look, Seen, browser, look
from rotation_watcher import keys
from rotation_watcher.alerts.builders.wording import stamp
from rotation_watcher.alerts.model import Kind, Severity
from rotation_watcher.status.gather import gather
from rotation_watcher.status.page import render
from tests.support.kept_state import HOUR, NOW, KeptState, alert, folder

pytestmark = pytest.mark.skipif(browser() is None, reason=MISSING)

PHONE, DESKTOP = 360, 1280
HOSTILE = "\u202e<script>alert(1)</script>\"'><svg onload=alert(1)>}</style>{{7*7}}" + "W" * 10_000
Page = Callable[..., Seen]


def state(sources: int, targets: int, *, troubled: bool = False, suffix: str = "") -> KeptState:
    kept = KeptState(sources, targets, suffix=suffix)
    for number in range(60):
        severity = [*Severity][number % 3]
        kept.tell(alert(number, severity=severity, suffix=suffix), NOW - number * 9 * HOUR)
    if troubled:
        first, since = kept.watch.sources[0].id, NOW - 3 * HOUR
        kept.quarantine(first, "name-mismatch")
        kept.disturb_source(first, "source", Kind.SOURCE_FAILING)
        kept.disturb_target("t0", "drift:0a", Kind.DRIFT_FOUND, since=since, severity=Severity.CRITICAL)
        kept.tell(alert(id=f"drift-found:t0:{stamp(since)}", severity=Severity.CRITICAL, suffix=suffix), since)
        kept.store.seed(keys.target_revocations(folder("t0")), b"{")
    return kept


STATES: Mapping[str, Callable[[], KeptState]] = {
    "good": lambda: state(1, 1),
    "empty": lambda: state(1, 0),
    "troubled": lambda: state(3, 6, troubled=True),
    "large": lambda: state(18, 500, troubled=True),
    "hostile": lambda: state(2, 3, troubled=True, suffix=HOSTILE),
}
SEARCH = (
    ("fill", "#search", "api77"),
    ("evaluate", "document.getElementById('found').textContent"),
    ("evaluate", "[...document.querySelectorAll('[data-words]')].filter(row => row.checkVisibility()).length"),
    ("fill", "#search", ""),
    ("evaluate", "document.querySelectorAll('[data-words][hidden]').length"),
)
KEYBOARD = (
    ("press", "Tab"),
    (
        "evaluate",
        "document.activeElement.textContent + ' ' + (document.activeElement.getBoundingClientRect().left >= 0)",
    ),
    ("press", "Enter"),
    ("evaluate", "location.hash"),
)
_SHADE = "getComputedStyle(document.querySelector('.verdict')).filter"
_EDGES = (
    "Math.min(...[...document.querySelectorAll('.card')].map(one => parseFloat(getComputedStyle(one).paddingLeft)))"
)
FIRST_SCREEN = (
    ("evaluate", "document.querySelector('h1').getBoundingClientRect().bottom"),
    ("evaluate", "document.querySelector('.first').getBoundingClientRect().bottom"),
    ("evaluate", "parseFloat(getComputedStyle(document.querySelector('h1')).fontSize)"),
)
VIEWS = [
    *product([name for name in STATES if name != "large"], (PHONE, DESKTOP), ("light", "dark")),
    ("large", PHONE, "light"),
]
"""What axe judges: of the large one it takes fifteen seconds a view, and that has no colours of its own."""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Mapping[object, Seen]:
    """Everything that these tests look at, in one browser."""
    folder = tmp_path_factory.mktemp("pages")

    @cache
    def file(name: str) -> str:
        kept = STATES[name]()
        place: Path = folder / f"{name}.html"
        place.write_bytes(render(gather(kept.watch, kept.store, NOW, stack="genesys-certificates")))
        return str(place)

    at = NOW.isoformat()
    old = (NOW + timedelta(hours=27)).isoformat()
    looks: dict[object, Look] = {
        (name, width, scheme): Look(file=file(name), width=width, height=740, scheme=scheme, axe=True, at=at)
        for name, width, scheme in VIEWS
    }
    looks |= {(name, "plain"): Look(file=file(name), script=False) for name in STATES}
    looks |= {(name, "console"): Look(file=file(name), at=at) for name in STATES}
    looks |= {
        "print": Look(file=file("troubled"), script=False, print=True, width=760),
        "search": Look(file=file("large"), steps=SEARCH, at=at),
        "keyboard": Look(file=file("troubled"), steps=KEYBOARD, at=at),
        "old": Look(file=file("good"), at=old, steps=(("evaluate", _SHADE),)),
        "now": Look(file=file("good"), at=at, steps=(("evaluate", _SHADE), ("evaluate", _EDGES))),
        "phone": Look(file=file("troubled"), width=PHONE, height=640, steps=FIRST_SCREEN, at=at),
    }
    broken = folder / "broken.html"
    broken.write_text('<html><body><img src="http://127.0.0.1:9/x"><script>nothing()</script></body></html>')
    looks["broken"] = Look(file=str(broken), axe=True)
    return dict(zip(looks, look(looks.values()), strict=True))


def test_the_judges_are_no_rubber_stamps(seen: Mapping[object, Seen]) -> None:
    broken = seen["broken"]
    assert broken.asked == ("http://127.0.0.1:9/x",)
    assert any("nothing is not defined" in words for words in broken.said)
    assert {words.partition(":")[0] for words in broken.axe} >= {"image-alt", "html-has-lang", "document-title"}


@pytest.mark.parametrize(("name", "width", "scheme"), VIEWS)
def test_axe_finds_nothing_and_the_page_fits(seen: Mapping[object, Seen], name: str, width: int, scheme: str) -> None:
    found = seen[name, width, scheme]
    assert found.axe == ()
    assert found.wide == 0, "it must not scroll sideways"


@pytest.mark.parametrize("name", STATES)
def test_no_request_leaves_and_the_console_says_nothing(seen: Mapping[object, Seen], name: str) -> None:
    for found in (seen[name, "plain"], seen[name, "console"]):
        assert (found.asked, found.said) == ((), ())


@pytest.mark.parametrize(
    ("name", "words"), [("good", "All good"), ("troubled", "Act now"), ("large", "Act now"), ("hostile", "Act now")]
)
def test_without_script_everything_is_there_to_read(seen: Mapping[object, Seen], name: str, words: str) -> None:
    text = seen[name, "plain"].text
    assert words in text
    for title in ("Open", "Certificates", "Targets", "Revocation lists", "Last alerts", "Next expiry"):
        assert title in text
    assert "Search targets" not in text, "what needs the script is not shown without it"


def test_hostile_names_are_shown_as_they_stand(seen: Mapping[object, Seen]) -> None:
    assert "<script>alert(1)</script>" in seen["hostile", "plain"].text
    assert "49" not in seen["hostile", "plain"].text.partition("Next expiry")[0]


def test_on_paper_nothing_is_folded(seen: Mapping[object, Seen]) -> None:
    text = seen["print"].text
    assert "Search targets" not in text
    assert "trusted anchor" in text, "the tables behind the pictures are printed"


def test_five_hundred_targets_can_be_searched(seen: Mapping[object, Seen]) -> None:
    assert seen["search"].did == ("1 of 500 targets", 1, 0)


def test_the_keyboard_reaches_what_is_open_first(seen: Mapping[object, Seen]) -> None:
    assert seen["keyboard"].did == ("Skip to what is open true", "#open")


def test_an_old_page_says_that_it_is_old(seen: Mapping[object, Seen]) -> None:
    text = seen["old"].text
    assert text.index("This page is 27 hours old") < text.index("All good"), "it takes the headline back"
    assert seen["old"].did[0] == "grayscale(1)", "and its colour"
    assert "hours old" not in seen["now"].text
    assert seen["now"].did[0] == "none"


def test_what_stands_in_a_frame_keeps_away_from_its_edge(seen: Mapping[object, Seen]) -> None:
    assert seen["now"].did[1] >= 10


def test_a_phone_shows_whether_to_worry_and_why_without_scrolling(seen: Mapping[object, Seen]) -> None:
    headline, reason, size = seen["phone"].did
    assert headline < 200
    assert reason < 400
    assert size >= 28
