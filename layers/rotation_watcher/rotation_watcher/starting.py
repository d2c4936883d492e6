"""Imported by each function before all else: while it starts, no garbage is collected (docs/decisions/0070).

Modules stay for good, and each collection goes through all that is there by then, in vain. ``done`` ends it.
"""

import gc

gc.disable()


def done() -> None:
    """The function has started."""
    gc.enable()
