"""A release is made from a commit whose tag, version and changelog agree."""

import os
import subprocess
from pathlib import Path

import pytest

from release.source import Source, committed, refuse_other

SOURCE = Source("0" * 40, 0, "1.2.3")
CHANGES = "## 1.2.3 (2026-12-01)\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    who = {f"GIT_{role}_{what}": "a@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    who |= {"GIT_AUTHOR_DATE": "1000000000 +0000", "GIT_COMMITTER_DATE": "1790000000 +1400"}
    (tmp_path / "a.py").write_text("one\n")
    for words in (["init", "--quiet"], ["add", "a.py"], ["commit", "--quiet", "--no-verify", "-m", "one"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True, env=os.environ | who)
    return tmp_path


def test_the_time_is_that_of_the_commit(checkout: Path) -> None:
    source = committed(checkout)
    assert source.epoch == 1_790_000_000
    assert len(source.commit) == 40


@pytest.mark.parametrize("name", ["a.py", "new.py"])
def test_what_was_not_committed_is_not_released(checkout: Path, name: str) -> None:
    (checkout / name).write_text("two\n")
    with pytest.raises(SystemExit, match=name):
        committed(checkout)


def test_a_folder_that_is_no_checkout_is_refused_with_what_git_says(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="not a git repository"):
        committed(tmp_path)


def test_a_folder_within_somebody_elses_checkout_is_not_released_as_that(checkout: Path) -> None:
    (checkout / "unpacked").mkdir()
    with pytest.raises(SystemExit, match="only a folder"):
        committed(checkout / "unpacked")


def test_a_machine_without_git_is_told_so(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(checkout))
    with pytest.raises(SystemExit, match="no git"):
        committed(checkout)


def test_a_tag_of_the_version_that_the_changelog_dates_is_taken() -> None:
    refuse_other("v1.2.3", SOURCE, CHANGES)


@pytest.mark.parametrize("tag", ["v1.2.4", "1.2.3", "v1.2.3-rc1", "v1.2"])
def test_a_tag_of_another_version_is_refused(tag: str) -> None:
    with pytest.raises(SystemExit, match="stands in this commit"):
        refuse_other(tag, SOURCE, CHANGES)


@pytest.mark.parametrize("changes", ["## 1.2.3 (unreleased)\n", "## 11223 (2026-12-01)\n", ""])
def test_a_version_without_a_day_is_refused(changes: str) -> None:
    with pytest.raises(SystemExit, match="on which day"):
        refuse_other("v1.2.3", SOURCE, changes)
