"""The template of a release names no folder of whoever made it."""

import pytest

from release.making import notes
from release.template import coded, packaged
from tests.stack.template import TEXT


def test_each_function_and_layer_lies_in_the_bucket_and_folder_that_are_asked_for() -> None:
    text = packaged(TEXT, lambda name: f"{name}.zip", "folder/")
    before, after = coded(TEXT), coded(text)
    assert after.keys() == before.keys()
    assert len(after) > 5
    for name, place in after.items():
        assert place == {"Bucket": ("Ref", "CodeBucket"), "Key": ("Sub", f"${{CodePrefix}}{name}.zip")}


def test_nothing_else_of_the_template_changes() -> None:
    text = packaged(TEXT, lambda name: f"{name}.zip", "folder/")
    kept = [line for line in text.splitlines() if "CodeBucket" not in line]
    former = [line for line in TEXT.splitlines() if not line.lstrip().startswith(("CodeUri:", "ContentUri:"))]
    lines = iter(kept)
    assert all(line in lines for line in former), "in the same order"


def test_code_that_is_written_in_another_way_is_refused_instead_of_being_left_in_a_folder() -> None:
    text = TEXT.replace("      CodeUri: functions/collect/", "      CodeUri:\n        functions/collect/")
    assert text != TEXT
    with pytest.raises(ValueError, match="CollectFunction"):
        packaged(text, lambda name: f"{name}.zip", "folder/")


def test_a_template_without_a_form_is_refused() -> None:
    with pytest.raises(ValueError, match="ParameterGroups"):
        packaged(TEXT.replace("ParameterGroups:", "Groups:"), lambda name: f"{name}.zip", "folder/")


CHANGES = """\
# Changelog

## 0.2.0 (unreleased)

### Added
- Two.

## 0.1.0 (2026-11-30)

### Added
- One.
"""


@pytest.mark.parametrize(("version", "words"), [("0.2.0", "Two."), ("0.1.0", "One.")])
def test_the_notes_are_what_the_changelog_says_of_the_version(version: str, words: str) -> None:
    assert notes(CHANGES, version) == f"### Added\n- {words}\n"


def test_a_version_of_which_nothing_is_said_has_no_release() -> None:
    with pytest.raises(ValueError, match="says nothing"):
        notes(CHANGES, "0.3.0")
    with pytest.raises(ValueError, match="says nothing"):
        notes("## 0.3.0 (unreleased)\n\n## 0.2.0 (x)\n- Two.\n", "0.3.0")
