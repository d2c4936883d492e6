"""The search itself: a planted leak is found in every form and part, and what is no leak is not reported."""

import base64
import json
from urllib.parse import quote

import pytest

from tests.secrets.canaries import SHORTEST, Scan, forms, new, plain

SECRET = new()


@pytest.mark.parametrize(
    "leak",
    [
        f"before {SECRET} after",
        f"https://host/{quote(SECRET)}?x",
        json.dumps({"a": [SECRET]}),
        "Basic " + base64.b64encode(f"client:{SECRET}".encode()).decode(),
        "Basic " + base64.b64encode(f"clients:{SECRET}".encode()).decode(),
        "Basic " + base64.b64encode(f"my-client:{SECRET}".encode()).decode(),
        repr([SECRET]),
        SECRET[7 : 7 + SHORTEST],
        SECRET[-SHORTEST:],
        f"{SECRET[: SHORTEST + 3]}…",
        SECRET.encode().hex(),
    ],
    ids=lambda _: "form",  # the secret differs from process to process, and no name may hold it
)
def test_a_planted_leak_is_found(leak: str) -> None:
    assert Scan({"it": SECRET}).leaks({"log": f"a line\n{leak}\nanother"})


def test_what_is_no_leak_is_not_reported() -> None:
    text = f"{new()} {plain()} {SECRET[: SHORTEST - 1]} the secret arn:aws:ssm:us-east-1:123456789012:parameter/genesys"
    assert Scan({"it": SECRET}).leaks({"log": text}) == []


def test_every_form_differs_from_the_plain_one_and_is_long_enough_to_be_searched_for() -> None:
    found = dict(forms(SECRET))
    assert all(len(text) > 2 * SHORTEST for text in found.values())
    assert (
        len({found[form] for form in ("plain", "URL-encoded", "JSON", "hex", "base64+0", "base64+1", "base64+2")}) == 7
    )


def test_a_report_never_holds_the_secret() -> None:
    assert SECRET not in "".join(Scan({"it": SECRET}).leaks({"log": SECRET}))
