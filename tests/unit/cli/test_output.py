"""What commands print while they work."""

import threading

import pytest

from genesys_certs import output


def test_what_goes_on_is_said_once_and_writes_over_no_question(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The SDK asks for the code of a second factor meanwhile: a line that moves would wipe that out."""
    monkeypatch.setattr(output, "terminal", lambda _=None: True)
    before = threading.enumerate()
    with output.progress("reading …"):
        assert threading.enumerate() == before
        assert capsys.readouterr().err == "\r\x1b[2Kreading … "
    assert capsys.readouterr().err == "\r\x1b[2K"


def test_in_a_pipe_nothing_is_said_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    with output.progress("reading …"):
        pass
    assert capsys.readouterr() == ("", "")
