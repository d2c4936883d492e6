"""What publish makes of revocation lists, in the smallest world of ``refresh_crls``, and what somebody damages."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from rotation_watcher.bundles.view import view_bundle
from rotation_watcher.bundles.wanted import BundleView
from rotation_watcher.revocation.kept import DER, INDEX, MANIFEST
from rotation_watcher.x509.crl import Crl, read
from tests.support import certs, crls
from tests.support.certs import Issued
from tests.support.pki import Extra, Pair
from tests.support.small_refresh import DAY, LEAVES, SmallRefresh, intermediate, named
from tests.support.small_world import ARNS, NAME, START

FILES = {"der": DER, "index": INDEX}
"""The parts of a list, as its manifest calls them."""


def another() -> Issued:
    """One more leaf under the same CA."""
    return certs.issue(intermediate(), NAME, not_before=START - DAY, extensions=[named("http://crl.example.com/2.crl")])


def view(world: SmallRefresh) -> BundleView:
    """What publish sees of the bundle."""
    return view_bundle(world.watch, world.watch.bundle("main"), world.store, world.clock())


def live(world: SmallRefresh) -> bytes:
    """What the trust store holds."""
    held = world.target.held[ARNS["alb"]].bundle
    assert held is not None
    return held


def damage(world: SmallRefresh, name: str, how: str, url: str = LEAVES) -> None:
    """Delete an object of the leaves' list, in every version, or write something else over it."""
    key = f"{world.folder(url)}/{name}"
    if how == "deleted":
        del world.store.versions[key]
    else:
        world.store.versions[key] = [replace(world.store.versions[key][-1], body=b"{")]


def forge_manifest(world: SmallRefresh, **parts: str) -> None:
    """Let the manifest name other versions of its parts, with the digests that fit them."""
    key = f"{world.folder()}/{MANIFEST}"
    document = json.loads(world.store.body(key))
    for name, version in parts.items():
        stored = world.store.get(f"{world.folder()}/{FILES[name]}", version=version)
        assert stored
        document[name] = {
            "version": version,
            "sha256": hashlib.sha256(stored.body).hexdigest(),
            "size": len(stored.body),
        }
    world.store.seed(key, json.dumps(document).encode())


def listed_by(*serials: int, by: Issued | None = None, made: datetime = START, extra: Sequence[Extra] = ()) -> Crl:
    """A list of the intermediate, or of another CA."""
    pair = Pair((by or intermediate()).certificate, (by or intermediate()).key)
    found = read(crls.crl_der(pair, serials, number=9, this_update=made, next_update=made + DAY, extra=extra))
    assert isinstance(found, Crl)
    return found
