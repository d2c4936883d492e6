"""By what an entity is known in which no leaf can be read."""

import json
from typing import Any

from rotation_watcher.config import Authority
from rotation_watcher.sources.observation import observe
from tests.support.pki import NOW

ODD = {"signingAuthority": "Genesys", "status": "Upcoming", "type": "Client", "certificate": "-----BEGIN nothing"}


def key(**said: Any) -> str:
    """The key of one such entity."""
    raw = [json.dumps(said).encode()]
    (found,) = observe(raw, authorities=[Authority.GENESYS], anchors={}, names={}, approvals={}, now=NOW).entities
    return found.key


def test_fields_that_nobody_reads_and_their_order_are_no_other_entity() -> None:
    turned = dict(reversed(ODD.items()))
    assert key(**ODD) == key(**ODD, selfUri="/one", dateRead="2026-11-23") == key(id=7, **turned)


def test_another_text_is_another_entity_and_so_is_one_that_cannot_be_read() -> None:
    assert key(**ODD) != key(**ODD | {"certificate": "-----BEGIN something"})
    assert key(certificate=1) != key(certificate=2)
