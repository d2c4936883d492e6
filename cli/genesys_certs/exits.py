"""Exit codes: those of monitoring plug-ins for what judges, those of ``sysexits.h`` and of shells for the rest."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes as monitoring plug-ins have them. The worst one wins; UNKNOWN says that nothing could be seen."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


FAILED = 1
"""What was asked for could not be done, where the command judges nothing."""
CHANGES = 2
"""``plan --detailed-exitcode``: something would change."""
USAGE = 64
"""A wrong option or argument (EX_USAGE): no code that a monitoring system reads as a finding."""
INTERRUPTED = 130
"""Ctrl-C, as shells say it (128 + SIGINT)."""
PIPE_CLOSED = 141
"""Whoever read the output has gone, such as ``head`` (128 + SIGPIPE)."""
