"""Pictures of chat messages: all that is posted is in them, inside its frame, and nothing lies on anything else."""

import html
import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

import pytest

from local.pictures import draw_slack, draw_teams
from local.pictures.canvas import MARGIN, WIDTH
from local.pictures.text import Run, Style, lines, width
from rotation_watcher.alerts import chat, slack_blocks, teams_card
from rotation_watcher.alerts.model import Alert
from tests.support.alert_examples import DELIVERED, hostile_everywhere

SVG = "{http://www.w3.org/2000/svg}"
BODY = Style(15)
HOSTILE = "</text><script>alert(1)</script> & \" ' ]]> *b* `c` <@U1> :warning: 東京 " + "x" * 300
PICTURES = {
    f"{name}-{draw.__module__.rpartition('.')[2]}": (draw, render, alert)
    for name, alert in {**DELIVERED, "hostile": hostile_everywhere(HOSTILE)}.items()
    for draw, render in ((draw_slack, slack_blocks.render), (draw_teams, teams_card.render))
}


class Placed(NamedTuple):
    """A text of a picture: where it begins and ends, and its baseline."""

    text: str
    left: float
    right: float
    y: float
    size: float


def placed(picture: str) -> list[Placed]:
    texts = []
    for one in ET.fromstring(picture).iter(f"{SVG}text"):  # noqa: S314 - ours
        x, wide = float(one.attrib["x"]), float(one.attrib.get("textLength", "0"))
        size = float(one.attrib["font-size"])
        if one.attrib.get("text-anchor") == "middle":
            x, wide = x - size / 2, size
        texts.append(Placed(one.text or "", x, x + wide, float(one.attrib["y"]), size))
    return texts


def strings(payload: object) -> Iterator[str]:
    """Every text that a reader of the message sees."""
    match payload:
        case {"text": str(words)}:
            yield re.sub(r"^:[a-z_]+: ", "", words)
        case {"type": "Action.OpenUrl", "title": str(title)}:
            yield title
        case Mapping():
            for value in payload.values():
                yield from strings(value)
        case list():
            for value in payload:
                yield from strings(value)
        case _:
            pass


def letters(words: str) -> str:
    """The letters and digits, without marks, entities and line breaks."""
    words = html.unescape(words)
    return "".join(sign for sign in words if sign.isalnum())


@pytest.mark.parametrize("case", PICTURES.values(), ids=PICTURES)
def test_nothing_lies_on_anything_else_or_outside_of_the_frame(case: tuple[Any, Any, Alert]) -> None:
    draw, render, alert = case
    picture = draw(render(chat.of_alert(alert)))
    texts = placed(picture)
    assert texts
    height = float(ET.fromstring(picture).attrib["height"])  # noqa: S314 - ours
    for one in texts:
        assert one.left >= MARGIN
        assert one.right <= WIDTH - MARGIN + 1, one.text
        assert one.size < one.y < height
    for one, other in itertools.combinations(texts, 2):
        if abs(one.y - other.y) < min(one.size, other.size):
            assert one.right <= other.left + 0.11 or other.right <= one.left + 0.11, (one, other)


@pytest.mark.parametrize("name", DELIVERED)
def test_every_word_that_is_posted_is_in_the_picture(name: str) -> None:
    message = chat.of_alert(DELIVERED[name])
    for draw, payload, parts in (
        (draw_slack, (slack := slack_blocks.render(message)), slack["blocks"]),
        (draw_teams, (teams := teams_card.render(message)), teams["attachments"]),
    ):
        shown = sorted(letters("".join(one.text for one in placed(draw(payload)))).replace("i", ""))
        assert shown == sorted(letters("".join(strings(parts))).replace("i", ""))  # i: a badge


def test_a_hostile_text_is_shown_and_is_no_markup() -> None:
    picture = draw_slack(slack_blocks.render(chat.of_alert(hostile_everywhere(HOSTILE))))
    assert "<script" not in picture
    assert any("<script>" in one.text for one in placed(picture))


@pytest.mark.parametrize(
    "payload",
    [
        {"text": "x", "blocks": [{"type": "video"}]},
        {"text": "x", "blocks": [{"type": "context", "elements": [{"type": "mrkdwn", "text": ":unknown_sign: x"}]}]},
    ],
    ids=["block", "emoji"],
)
def test_what_cannot_be_drawn_is_refused_rather_than_left_out(payload: Mapping[str, Any]) -> None:
    with pytest.raises(KeyError):
        draw_slack(payload)


def test_a_card_with_something_that_cannot_be_drawn_is_refused() -> None:
    card = {"body": [{"type": "Image", "url": "x"}]}
    with pytest.raises(KeyError, match="Image"):
        draw_teams({"attachments": [{"content": card}]})


def test_lines_break_between_words_and_only_words_that_are_too_long_are_broken() -> None:
    broken = lines([Run("one two\nthree", BODY), Run("m" * 30, BODY)], width("one two ", BODY))
    shown = ["".join(piece.text for piece in line) for line in broken]
    assert shown[:2] == ["one two", "three"]
    assert "".join(shown[2:]) == "m" * 30
    assert all(line[-1].x + line[-1].width <= width("one two ", BODY) for line in broken)


def test_widths_are_those_of_the_fonts_that_the_picture_names() -> None:
    assert width("Wide", BODY) == pytest.approx(15 * (0.944 + 0.222 + 0.556 + 0.556))
    assert width("Wide", Style(15, fixed=True)) == pytest.approx(15 * 0.6 * 4)
    assert width("東京", BODY) == pytest.approx(30)
    assert width("i", Style(10, badge=True)) == pytest.approx(14)
