"""Read, change, write if nobody wrote since, and again on what somebody else left: the one loop of that kind.

S3 writes over an object only where its ETag is still the one that was read (If-Match). Every state that more than one
run may write (a history, a target's record, a bundle's pins) goes through ``compare_and_set``.
"""

from collections.abc import Callable

from rotation_watcher.errors import Conflict, StoreError

TRIES = 4
"""How often a lost race is run again before the run gives up."""

type Versioned[T] = tuple[T, str | None]
"""A value with the ETag under which the store holds it; None where there is no object yet."""


def compare_and_set[T](
    load: Callable[[], Versioned[T]],
    change: Callable[[T], T],
    store: Callable[[T, str | None], str],
    what: str,
    *,
    known: Versioned[T] | None = None,
) -> Versioned[T]:
    """Have ``change`` applied to what is there; the value as the store holds it then, with its ETag.

    ``change`` may run more than once, each time on a value that somebody else left; where it gives back an equal value
    nothing is written. ``store`` writes over an ETag and gives the new one, or raises Conflict. ``known`` is what the
    caller has read already. ``what`` names the object for people.

    Raises StoreError where somebody else was faster ``TRIES`` times in a row, or where the store speaks of a conflict
    and nobody wrote: a bucket that refuses every conditional write must not pass for another busy run for ever. What
    ``load``, ``change`` and ``store`` raise goes through.
    """
    value, etag = known or load()
    seen = {etag}
    for _ in range(TRIES):
        changed = change(value)
        if changed == value:
            return value, etag
        try:
            return changed, store(changed, etag)
        except Conflict:
            value, etag = load()
            seen.add(etag)
    if len(seen) == 1:
        raise StoreError(f"{what} cannot be written: S3 speaks of a conflict that is none")
    raise StoreError(f"{what} was written by somebody else {TRIES} times in a row")
