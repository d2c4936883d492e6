"""What a release brings besides its code: whoever has no checkout has all that the documents tell them to deploy."""

from release.making import OTHER_TEMPLATES
from tests.stack.template import ROOT


def test_a_release_brings_every_template_there_is() -> None:
    """docs/accounts.md says so, and docs/keys.md deploys one of them before the stack."""
    assert sorted(OTHER_TEMPLATES) == sorted(path.name for path in (ROOT / "accounts").iterdir())
    listed = (ROOT / "docs" / "releasing.md").read_text()
    assert [name for name in OTHER_TEMPLATES if f"`{name}`" not in listed] == []
