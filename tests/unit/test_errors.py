"""The words of the error by which a run counts as failed: Lambda keeps them in a message of SQS, which has an end."""

from rotation_watcher.errors import together


def test_a_few_reasons_are_told_whole() -> None:
    assert together(["alb: denied", "api: busy"]) == "alb: denied; api: busy"


def test_a_thousand_reasons_are_the_first_of_them_and_their_number() -> None:
    words = together([f"t{number:03}: {'x' * 5000}" for number in range(1000)])
    assert len(words) < 25_000
    assert words.startswith("t000: x")
    assert words.endswith("; and 980 more")
