"""What a package says that it has compiled in becomes a part of the release's list of contents."""

import json
from pathlib import Path
from typing import Any

import pytest

from release.bill import compiled_in

CRATE: dict[str, Any] = {
    "type": "library",
    "bom-ref": "path+file:///somebody/tmp/src#one@1.0",
    "name": "one",
    "version": "1.0",
    "purl": "pkg:cargo/one@1.0?download_url=file://.#src",
    "licenses": [{"expression": "MIT"}],
    "scope": "required",
}
LIBRARY = {
    "type": "library",
    "name": "openssl",
    "version": "9.9",
    "purl": "pkg:generic/openssl@9.9?download_url=https://host/openssl-9.9.tar.gz",
}


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    for name, document in {
        "a.json": {"bomFormat": "CycloneDX", "components": [CRATE]},
        "b.json": {"bomFormat": "CycloneDX", "components": [LIBRARY]},
        "c.json": {"spdxVersion": "SPDX-2.3", "packages": []},
    }.items():
        path = tmp_path / "My_Package-2.0.dist-info" / "sboms" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document))
    (tmp_path / "plain-1.0.dist-info").mkdir()
    return tmp_path


def test_everything_that_its_documents_name_stands_below_the_package(layer: Path) -> None:
    (package, inner), *others = compiled_in(layer).items()
    assert package == "my_package"
    assert [(one["name"], one["version"]) for one in inner] == [("one", "1.0"), ("openssl", "9.9")]
    assert others == []


def test_licences_and_public_addresses_stay_and_folders_of_whoever_built_it_go(layer: Path) -> None:
    crate, library = compiled_in(layer)["my_package"]
    assert crate == {
        "type": "library",
        "name": "one",
        "version": "1.0",
        "purl": "pkg:cargo/one@1.0",
        "licenses": [{"expression": "MIT"}],
    }
    assert library == LIBRARY
