"""Keep the revocation lists of a trust store in step with the lists in force (decision 0036).

A list is never replaced in place, since the service cannot: the new one is added, its number of entries is read back,
and only then the old one is removed. What others put there stays: the state names what the watcher added, and what
nothing names is judged by its content (``revocation_files``). Only the holder of the target's claim changes anything.
Going back to an earlier truststore brings no earlier list back.
"""

from rotation_watcher import arns
from rotation_watcher.bundles.wanted import BundleView
from rotation_watcher.config import Mode
from rotation_watcher.targets.revocation_state import load
from rotation_watcher.targets.session import Session


def keep(view: BundleView, session: Session, mode: Mode, *, dry_run: bool = False) -> list[str]:
    """Bring the lists of a trust store to those in force; what was done, or would be, in words. Raises StoreError.

    What goes wrong at the service is alerted, and tried again at the next run.
    """
    adapter, limits = session.revocations, arns.parse_target(session.target.arn).kind.revocations
    if adapter is None or limits is None:
        return []
    known = load(session.ports.store, session.target, session.record.former)
    wanted = session.target.keeps_lists and any(manifest.pem.version for _, manifest in view.lists)
    if not wanted and not any(one.ours for one in known.said):
        return []
    from rotation_watcher.targets.revocation_work import Work  # noqa: PLC0415  # many a target has no lists

    work = Work(view, session, adapter, limits, known)
    return work.would() if dry_run or mode is Mode.OBSERVE else work.run()
