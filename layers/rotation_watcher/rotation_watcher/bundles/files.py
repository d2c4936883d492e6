"""Keep a bundle's three files in the bucket up to date: ``wanted.pem``, ``manifest.json``, ``pins.json``.

Pins widen before a target changes and narrow after it was proved, so that nobody behind a truststore refuses a leaf
that it still lets in on purpose. While anything is unproven the files may only grow.
"""

from datetime import datetime

import msgspec

from rotation_watcher import formats, keys
from rotation_watcher.bundles import pins
from rotation_watcher.bundles import wanted as bundle
from rotation_watcher.bundles.pins import Pins
from rotation_watcher.bundles.view import BundleView
from rotation_watcher.errors import Conflict, StoreError
from rotation_watcher.ports import ObjectStore
from rotation_watcher.x509.certificates import Block, Certificate, parse_bundle, render_bundle

_TRIES = 4


def write(view: BundleView, store: ObjectStore, now: datetime, *, narrow: bool) -> list[str]:
    """Write what differs; the keys that were written. ``narrow`` also drops pins that are no longer wanted.

    Nothing is written while no accepted leaf is known: an empty file would be worse than an old one. Raises StoreError.
    """
    if not view.wanted.needs:
        return []
    narrow = narrow and not view.removal_blockers
    written = []
    for key, content_type, body in (
        (keys.wanted(view.bundle.id), keys.PEM_TYPE, _wanted(view, store)),
        (keys.manifest(view.bundle.id), keys.JSON_TYPE, _json(bundle.manifest(view.bundle.id, view.wanted))),
    ):
        stored = store.get(key)
        if stored is None or stored.body != body:
            store.put(key, body, content_type=content_type)
            written.append(key)
    if _write_pins(view, store, now, narrow=narrow):
        written.append(keys.pins(view.bundle.id))
    return written


def _wanted(view: BundleView, store: ObjectStore) -> bytes:
    held: dict[str, Block | Certificate] = dict(view.wanted.certificates)
    stored = store.get(keys.wanted(view.bundle.id)) if view.removal_blockers else None
    for block in parse_bundle(stored.body)[0] if stored else ():
        held.setdefault(block.fingerprint, block)
    return render_bundle(held.values())


def _write_pins(view: BundleView, store: ObjectStore, now: datetime, *, narrow: bool) -> bool:
    """Two targets of one bundle may be published at once: the pins are written with If-Match, and read again."""
    key, wanted = keys.pins(view.bundle.id), pins.pins(view.bundle.id, view.wanted)
    for _ in range(_TRIES):
        stored = store.get(key)
        old = _old(stored.body, key) if stored else Pins(bundle=view.bundle.id, pins=())
        new = wanted if narrow else pins.widened(old, wanted, now, without=view.unvouched)
        if stored is not None and old == new:
            return False
        try:
            store.put_if(key, _json(new), etag=stored.etag if stored else None, content_type=keys.JSON_TYPE)
        except Conflict:
            continue
        return True
    raise StoreError(f"{key} was written by somebody else {_TRIES} times in a row")


def _old(body: bytes, key: str) -> Pins:
    return formats.read(body, pins.decode, key, "delete it, it is written anew")


def _json(document: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document, order="sorted"), indent=1)
