"""Keep a bundle's first three files in the bucket up to date: ``wanted.pem``, ``manifest.json``, ``pins.json``.

Pins widen before a target changes and narrow after it was proved, so that nobody behind a truststore refuses a leaf
that it still lets in on purpose. While anything is unproven the files may only grow. What lived by an approval alone
leaves them as soon as that is withdrawn, whatever stands against other removals.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime

import msgspec

from rotation_watcher import formats, keys
from rotation_watcher.bundles import decided, pins
from rotation_watcher.bundles import wanted as bundle
from rotation_watcher.bundles.pins import Pin, Pins
from rotation_watcher.bundles.wanted import BundleView, Wanted
from rotation_watcher.bundles.withdrawn import withdrawn
from rotation_watcher.compare_and_set import compare_and_set
from rotation_watcher.ports import ObjectStore, StoredObject
from rotation_watcher.sources.repository import load_seen
from rotation_watcher.x509.certificates import Block, Certificate, parse_bundle, render_bundle
from rotation_watcher.x509.paths import Path

replace = msgspec.structs.replace


def write(view: BundleView, store: ObjectStore, now: datetime, *, narrow: bool, dry_run: bool = False) -> list[str]:
    """Write what differs; the keys that were written. ``narrow`` also drops what is no longer wanted.

    With ``dry_run`` nothing is written: the keys that would be.

    Nothing is written while no accepted leaf is known: an empty file would be worse than an old one. Raises StoreError.
    """
    if not view.wanted.needs:
        return []
    manifest, before = store.get(keys.manifest(view.bundle.id)), store.get(keys.wanted(view.bundle.id))
    gone, wanted = _gone(view, manifest, store, now), view.carried(now)
    narrow = narrow and not view.removal_blockers
    written = []
    for key, content_type, body, stored in (
        (keys.wanted(view.bundle.id), keys.PEM_TYPE, _wanted(wanted, gone, None if narrow else before), before),
        (
            keys.manifest(view.bundle.id),
            keys.JSON_TYPE,
            formats.encode(bundle.manifest(view.bundle.id, wanted)),
            manifest,
        ),
    ):
        if stored is None or stored.body != body:
            if not dry_run:
                store.put(key, body, content_type=content_type)
            written.append(key)
    if _write_pins(view, store, now, narrow=narrow, dry_run=dry_run):
        written.append(keys.pins(view.bundle.id))
    return written


def widen(view: BundleView, store: ObjectStore, now: datetime, *, dry_run: bool = False) -> list[str]:
    """Pin the accepted leaves that were not pinned when the bundle was viewed; what was written. Raises StoreError.

    It needs no target: what becomes of one does not say who may come in. Nothing is asked where nothing is lacking.
    """
    if not view.unpinned:
        return []
    return write(view, store, now, narrow=False, dry_run=dry_run)


def withdraw(view: BundleView, store: ObjectStore, now: datetime, *, dry_run: bool = False) -> list[str]:
    """Take out leaves that nothing vouches for any more, and what only withdrawn approvals wanted; what was written.

    Whatever stands against other removals, and where no leaf is known: then ``pins.json`` becomes empty. ``wanted.pem``
    does not: a truststore without a CA is none. Raises StoreError.
    """
    written = []
    if not dry_run:
        in_force = [point.folder for point, _ in view.lists]
        decided.remember(store, view.bundle.id, view.revocations, in_force)
    gone = _gone(view, store.get(keys.manifest(view.bundle.id)), store, now)
    stored = store.get(keys.wanted(view.bundle.id)) if gone else None
    before = parse_bundle(stored.body)[0] if stored else ()
    left = [block for block in before if block.fingerprint not in gone]
    if left and len(left) < len(before):
        written.append(keys.wanted(view.bundle.id))
        if not dry_run:
            store.put(keys.wanted(view.bundle.id), render_bundle(left), content_type=keys.PEM_TYPE)
    pinned = listed_pins(store, view.bundle.id) if view.unvouched else ()
    if any(pin.certificate.fingerprint in view.unvouched for pin in pinned):
        none = Pins(bundle=view.bundle.id, pins=())
        if _change_pins(
            view, store, lambda old: pins.widened(old, none, now, without=view.unvouched), now, dry_run=dry_run
        ):
            written.append(keys.pins(view.bundle.id))
    return written


def _gone(view: BundleView, manifest: StoredObject | None, store: ObjectStore, now: datetime) -> frozenset[str]:
    """What only withdrawn approvals wanted, by the manifest that was written last."""
    noted = bundle.approved_in(manifest.body) if manifest else {}
    return withdrawn(store, noted, now) - view.wanted.certificates.keys()


def _wanted(wanted: Wanted, gone: Collection[str], stored: StoredObject | None) -> bytes:
    """What leaves need comes first: of two CAs of one name engines take the first.

    What is ``stored`` is carried on, but for ``gone``.
    """
    labels = {need.label for need in wanted.needs}
    needed: dict[str, Block | Certificate] = {}
    others: dict[str, Block | Certificate] = {}
    for key, held in wanted.certificates.items():
        (needed if labels & {*wanted.why[key]} else others)[key] = held
    blocks = parse_bundle(stored.body)[0] if stored else ()
    before = [block for block in blocks if block.fingerprint not in gone]
    if (
        stored
        and len(before) == len(blocks)
        and needed.keys() | others.keys() <= {block.fingerprint for block in before}
    ):
        return stored.body  # nothing may leave and nothing comes: which of it leaves need is no reason to write it anew
    for block in before:
        if block.fingerprint not in needed:
            others.setdefault(block.fingerprint, block)
    return render_bundle(needed.values()) + render_bundle(others.values())


def _write_pins(view: BundleView, store: ObjectStore, now: datetime, *, narrow: bool, dry_run: bool) -> bool:
    wanted = pins.pins(view.bundle.id, view.carried(now))

    def change(old: Iterable[Pin]) -> Pins:
        if narrow:
            return pins.narrowed(old, wanted, now, grace=view.grace, without=view.unvouched | view.strangers(now))
        return pins.widened(old, wanted, now, without=view.unvouched)

    return _change_pins(view, store, change, now, dry_run=dry_run)


def _change_pins(
    view: BundleView, store: ObjectStore, change: Callable[[Iterable[Pin]], Pins], now: datetime, *, dry_run: bool
) -> bool:
    """Two targets of one bundle may be published at once: the pins are written with If-Match, and read again.

    ``change`` is given those that are borne out.
    """
    key = keys.pins(view.bundle.id)
    written = False

    def load() -> tuple[Pins | None, str | None]:
        stored = store.get(key)
        return (formats.read_or_none(stored.body, pins.decode, key), stored.etag) if stored else (None, None)

    def changed(old: Pins | None) -> Pins | None:
        return change(_borne_out(store, old.pins if old else ()))

    def put(new: Pins | None, etag: str | None) -> str:
        nonlocal written
        for pin in new.pins if new else ():
            _note(store, pin, view, now)
        kept = store.put_if(key, formats.encode(new), etag=etag, content_type=keys.JSON_TYPE)
        written = True
        return kept.etag

    if dry_run:
        old, _ = load()
        return changed(old) != old
    compare_and_set(load, changed, put, key)
    return written


def listed_pins(store: ObjectStore, bundle_id: str) -> Sequence[Pin]:
    """The pins as they lie in the bucket, borne out or not; none where nothing readable is there. Raises StoreError."""
    key = keys.pins(bundle_id)
    stored = store.get(key)
    listed = formats.read_or_none(stored.body, pins.decode, key) if stored else None
    return listed.pins if listed else ()


def known_pins(store: ObjectStore, bundle_id: str) -> Sequence[Pin]:
    """The pins as they lie in the bucket, those that are borne out; none where nothing readable is there."""
    return _borne_out(store, listed_pins(store, bundle_id))


def _borne_out(store: ObjectStore, listed: Iterable[Pin]) -> list[Pin]:
    """The pins of certificates that their source has shown, or publish has noted, with the certificates' own facts.

    What the file says counts for nothing alone: somebody else may have written it, or over a file below ``seen/``.
    """
    found = []
    for pin in listed:
        key = pin.certificate.fingerprint
        held = load_seen(store, pin.source, (key,)) or noted(store, key)
        found += [replace(pin, certificate=held[0].facts)] if held else []
    return found


def noted(store: ObjectStore, fingerprint: str) -> tuple[Certificate, ...]:
    """The leaf that publish has noted when it pinned it, and the CAs above it; empty where there is none.

    Raises StoreError.
    """
    stored = store.get(keys.pinned(fingerprint))
    blocks = parse_bundle(stored.body)[0] if stored else ()
    held = tuple(one.certificate for one in blocks if one.certificate)
    return held if held and held[0].fingerprint == fingerprint else ()


def _note(store: ObjectStore, pin: Pin, view: BundleView, now: datetime) -> None:
    """Keep a leaf apart from the pins, before it is pinned.

    With what signed it: its pin may outlive the source, the anchor and the published bundle that had it.
    """
    key = pin.certificate.fingerprint
    held = () if noted(store, key) else load_seen(store, pin.source, (key,))
    if held:
        paths = [path for need in view.asked if need.certificate.fingerprint == key for path in need.paths(now)]
        above = dict.fromkeys(one for path in paths if isinstance(path, Path) for one in path.chain[1:])
        pem = "".join(one.pem for one in (held[0], *above))
        store.put(keys.pinned(key), pem.encode(), content_type=keys.PEM_TYPE)
