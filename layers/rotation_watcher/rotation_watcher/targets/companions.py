"""Keep the files beside a target's bundle in step: the pins and the revocation lists for what decides identity there.

They are what the bundle's own files in the stack's bucket say, which widen before a target changes and narrow after it
was proved. Called before the bundle is changed, and after: so what lies beside it follows in the same order.
"""

from datetime import datetime

from rotation_watcher import file_sets, formats, keys
from rotation_watcher.bundles import pins
from rotation_watcher.bundles.revoked import links
from rotation_watcher.bundles.wanted import BundleView
from rotation_watcher.config import Mode
from rotation_watcher.errors import ToBeDone
from rotation_watcher.ports import CompanionTarget, ObjectStore
from rotation_watcher.revocation.kept import PEM
from rotation_watcher.targets.session import Session


def keep(view: BundleView, session: Session, mode: Mode, *, dry_run: bool = False) -> list[str]:
    """Bring the files beside the bundle to what they should be; what was done, or would be, in words.

    Nothing is done before the target has its first bundle, nor where somebody changed its files and a drift is only
    reported. Raises TargetError, StoreError, ToBeDone.
    """
    adapter, target = session.adapter, session.target
    if not isinstance(adapter, CompanionTarget):
        return []
    there = adapter.companions(target.arn)
    if there is None or (target.on_drift == "report" and adapter.altered(target.arn)):
        return []
    files = wanted(view, session.ports.store, session.ports.clock())
    digests = {name: file_sets.sha256(body) for name, body in files.items()}
    different = sorted({name for name, _ in digests.items() ^ there.items()})
    if not different or file_sets.PINS not in files:
        return []
    if dry_run or mode is Mode.OBSERVE:
        return [f"would {_verb(name, files)} {name}" for name in different]
    if session.sweeping:
        raise ToBeDone(target.id)
    adapter.place(target.arn, files)
    return [f"{_verb(name, files)} {name}: done" for name in different]


def wanted(view: BundleView, store: ObjectStore, now: datetime) -> dict[str, bytes]:
    """The files that should lie beside a bundle, by name. Raises StoreError."""
    stored = {
        file_sets.PINS: store.get(keys.pins(view.bundle.id)),
        file_sets.IDENTITY: store.get(keys.identity(view.bundle.id)),
    }
    files = {name: one.body for name, one in stored.items() if one}
    if file_sets.PINS in files:
        listed = formats.read_or_none(files[file_sets.PINS], pins.decode, keys.pins(view.bundle.id))
        inforce = sorted(pins.in_force(listed, now)) if listed else ()
        files[file_sets.PINS_LIST] = "".join(f"{one}\n" for one in inforce or (file_sets.NOBODY,)).encode()
    revoked = _lists(view, store, now)
    return files | ({file_sets.CRL: revoked} if revoked else {})


def _lists(view: BundleView, store: ObjectStore, now: datetime) -> bytes:
    """The lists in force, where every CA above a leaf has one that has not run out; else nothing.

    Servers that are given lists want one of every CA of a path, and refuse everybody where one is missing or too old.
    """
    inforce = [
        (point, manifest)
        for point, manifest in view.lists
        if manifest.pem.version and (manifest.facts.next_update is None or manifest.facts.next_update > now)
    ]
    signers = {point.issuer.facts.spki_sha256 for point, _ in inforce}
    asked = [link.issuer.facts.spki_sha256 for link in links(view.asked, now)]
    if not asked or not signers.issuperset(asked):
        return b""
    from rotation_watcher.revocation import lists  # noqa: PLC0415  # few places are given lists

    bodies = []
    for point, manifest in sorted(inforce, key=lambda one: one[0].folder):
        stored = store.get(f"{point.folder}/{PEM}", version=manifest.pem.version)
        if stored is None or not lists.is_proved(store, point, manifest, now):
            return b""
        bodies.append(stored.body)
    return b"".join(bodies)


def _verb(name: str, files: dict[str, bytes]) -> str:
    return "write" if name in files else "take out"
