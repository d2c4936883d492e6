"""``make release``: what was made while the checkout changed is no release of its commit."""

from pathlib import Path

import pytest

from release import __main__ as program
from release.making import SUMS
from release.source import Source

BEFORE, AFTER = Source("a" * 40, 1), Source("b" * 40, 2)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose build takes no time."""

    def make(build: Path, out: Path, source: Source) -> None:
        del build, source
        out.mkdir(parents=True)
        (out / SUMS).write_text("sums\n")

    monkeypatch.setattr(program, "ROOT", tmp_path)
    monkeypatch.setattr(program, "make", make)
    monkeypatch.setattr("subprocess.run", lambda *_, **__: None)
    monkeypatch.delenv("TAG", raising=False)
    return tmp_path


def test_a_checkout_that_changes_meanwhile_gives_no_release(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = iter([BEFORE, AFTER])
    monkeypatch.setattr(program, "committed", lambda: next(found))
    with pytest.raises(SystemExit, match="changed while"):
        program.main()
    assert not (root / "build" / "release" / "out").exists()


def test_a_checkout_that_stays_as_it_is_gives_one(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(program, "committed", lambda: BEFORE)
    program.main()
    assert (root / "build" / "release" / "out" / SUMS).read_text() == "sums\n"
    assert f"build/release/out: release {BEFORE.version} of {BEFORE.commit}" in capsys.readouterr().out
