"""A private key in a truststore is found behind whatever dashes, and prose about keys is none."""

import pytest

from rotation_watcher.x509 import truststore
from tests.support import pki


@pytest.mark.parametrize("marker", ["-----BEGIN {}-----", "--BEGIN {}--", "\u2014BEGIN {}\u2014", "-BEGIN {}-"])
@pytest.mark.parametrize("label", ["PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE  KEY"])
def test_a_private_key_is_found_behind_whatever_dashes(marker: str, label: str) -> None:
    text = f"{pki.root('Theirs').pem}{marker.format(label)}\nMIGH\n{marker.format(label).replace('BEGIN', 'END')}\n"
    assert "private-key" in [one.defect.code for one in truststore.read(text.encode()).unsafe]


def test_a_sentence_about_private_keys_is_none() -> None:
    text = f"# No file may begin with a private key - begin with the private key elsewhere\n{pki.root('Theirs').pem}"
    assert truststore.read(text.encode()).unsafe == ()
