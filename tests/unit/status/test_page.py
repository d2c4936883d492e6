"""The status page as text: whole in itself, harmless, small and quick. What a browser makes of it: tests/page."""

import base64
import hashlib
import re
from datetime import timedelta
from html.parser import HTMLParser

import msgspec
import pytest

from rotation_watcher.alerts.builders.wording import stamp
from rotation_watcher.alerts.model import Kind
from rotation_watcher.status.gather import gather
from rotation_watcher.status.model import Level, Status
from rotation_watcher.status.page import groups, render
from tests.support.kept_state import NOW, KeptState, alert
from tests.support.processor import within

replace = msgspec.structs.replace

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style><style>*{display:none}",
    "</title></svg><svg onload=alert(1)>",
    "{{ 7*7 }}{% for x in y %}",
    "\u202e\u2066 gnp.exe \u200b",
    "javascript:alert(1)",
    "&lt;b&gt;",
    "]]>--><!--",
    "א" * 60,
    "W" * 10_000,
]


def status_of(kept: KeptState) -> Status:
    return gather(kept.watch, kept.store, NOW, stack="genesys-certificates", account="111122223333")


def full(sources: int, targets: int, suffix: str = "") -> Status:
    """A status in which every part of the page has something to show."""
    kept = KeptState(sources, targets, suffix=suffix)
    first = kept.watch.sources[0].id
    kept.quarantine(first, "name-mismatch")
    kept.disturb_source(first, "source", Kind.SOURCE_FAILING)
    kept.disturb_target("t0", f"mtls-off:door{suffix}", Kind.MTLS_OFF)
    kept.store.seed("crls/state.json", b"{")
    for number in range(60):
        kept.tell(alert(number, suffix=suffix), NOW - number * timedelta(hours=1))
    return status_of(kept)


class Tags(HTMLParser):
    """The tags and attributes of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_headline_and_the_first_reason_stand_before_everything_else() -> None:
    page = render(full(2, 2)).decode()
    body = page[page.index("<body>") :]
    assert body.index("Act now") < body.index("mtls off") < body.index("<main>")


@pytest.mark.parametrize(
    ("level", "words"), [(Level.GOOD, "All good"), (Level.LOOK, "Look at it"), (Level.ACT, "Act now")]
)
def test_the_title_of_the_window_says_it_too(level: Level, words: str) -> None:
    status = status_of(KeptState())
    page = render(replace(status, verdict=replace(status.verdict, level=level))).decode()
    assert f"<title>{words}: Genesys certificates, genesys-certificates</title>" in page


def test_only_the_style_and_the_script_that_the_policy_names_are_there() -> None:
    page = render(full(2, 2)).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    said = policy[1].replace("&#39;", "'").replace("&#43;", "+")
    assert "default-src 'none'" in said
    assert "unsafe" not in said
    for tag in ("style", "script"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in said


def test_nothing_in_it_asks_for_anything_else() -> None:
    for tag, attributes in Tags(render(full(3, 3)).decode()).tags:
        places = {name: value or "" for name, value in attributes.items() if name in {"src", "href", "action", "data"}}
        assert all(value.startswith(("#", "data:,")) for value in places.values()), (tag, places)
        assert "style" not in attributes, "the policy lets no style attribute count"
        assert not [name for name in attributes if name.startswith("on")]


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_add_no_tag_and_no_attribute(hostile: str) -> None:
    def shape(page: bytes) -> list[tuple[str, tuple[str, ...]]]:
        return [(tag, tuple(attributes)) for tag, attributes in Tags(page.decode()).tags]

    assert shape(render(full(2, 2, hostile))) == shape(render(full(2, 2, "plain")))


def test_a_name_steers_no_reading_direction() -> None:
    page = render(full(1, 1, HOSTILE[5])).decode()
    assert not {"\u202e", "\u2066", "\u200b"} & {*page}


@pytest.mark.parametrize(("sources", "targets"), [(1, 1), (1, 0), (18, 500)])
def test_it_is_small_and_made_in_less_than_a_second(sources: int, targets: int) -> None:
    kept = KeptState(sources, targets)
    with within(1):
        page = render(status_of(kept))
    assert len(page) < 2_000_000
    assert page.count(b'<li data-words="') == targets


def test_five_hundred_troubled_targets_with_long_names_are_still_below_two_megabytes() -> None:
    kept = KeptState(18, 500, suffix="W" * 300)
    for target in kept.watch.targets:
        kept.disturb_target(target.id, f"mtls-off:{'x' * 300}", Kind.MTLS_OFF)
    assert len(render(status_of(kept))) < 2_000_000


def test_what_needs_a_look_stands_before_the_others_and_many_are_folded() -> None:
    kept = KeptState(1, 40)
    kept.disturb_target("t7", "drift:0a", Kind.DRIFT_FOUND)
    kept.disturb_target("t9", "mtls-off:domain", Kind.MTLS_OFF)
    worse, well = groups(status_of(kept).targets)
    assert [one.id for one in worse.targets] == ["t9", "t7"]
    assert (worse.folded, well.folded, len(well.targets)) == (False, True, 38)


def test_what_to_do_and_its_commands_can_be_copied() -> None:
    page = render(full(1, 1)).decode()
    assert re.search(r"<pre>echo .*approvals/[0-9a-f]{64}\.json --region us-east-1</pre>", page)


def test_the_headline_says_what_to_do_in_the_first_sentence_of_the_alert() -> None:
    kept = KeptState(1, 1)
    since = NOW - timedelta(hours=3)
    kept.disturb_target("t0", "drift:0a", Kind.DRIFT_FOUND, since=since)
    kept.tell(replace(alert(what_to_do="Ask who. Then wait."), id=f"drift-found:t0:{stamp(since)}"), since)
    assert '<p class="first">Ask who. <a href="#open">How</a></p>' in render(status_of(kept)).decode()


def test_every_picture_has_a_text_and_a_table_that_say_the_same() -> None:
    page = render(full(2, 1)).decode()
    pictures = re.findall(r'<svg class="picture".*?</svg>', page, re.DOTALL)
    assert len(pictures) == 2
    for picture in pictures:
        assert "Current: valid until 2027-01-05, 40 days left" in picture or "Current: valid until" in picture
        assert "both valid in the shaded time" in picture
    assert page.count("The same as a table") == 2


def test_the_line_of_today_crosses_no_words() -> None:
    pictures = re.findall(r'<svg class="picture".*?</svg>', render(full(3, 1)).decode(), re.DOTALL)
    assert len(pictures) == 3
    for picture in pictures:
        baselines = [int(y) for y in re.findall(r'<text x="0" y="(\d+)"', picture)]
        lines = [
            (int(top), int(end)) for top, end in re.findall(r'<line class="today".*?y1="(\d+)" y2="(\d+)"', picture)
        ]
        assert len(lines) == len(baselines) + 1, "beside its own words, and over each bar"
        for baseline in baselines:
            words = range(baseline - 11, baseline + 4)
            assert not any(top < end_of and of < end for top, end in lines for of, end_of in [(words[0], words[-1])])


def test_what_was_never_read_is_open_and_was_not_read_too_long_ago() -> None:
    kept = KeptState(2, 1)
    kept.store.versions.clear()
    page = render(status_of(kept)).decode()
    assert page.count("has not been read yet") >= 2
    assert "not read yet" in page
    assert "too long ago" not in page
    assert "Nothing is open" not in page


def test_a_target_in_step_says_why_it_is_to_be_looked_at_all_the_same() -> None:
    kept = KeptState(1, 2)
    kept.disturb_target("t0", "drift:0a", Kind.DRIFT_FOUND)
    page = render(status_of(kept)).decode()
    assert '<span class="badge look">in step, 1 alert open</span>' in page
    assert '<span class="badge good">in step</span>' in page
