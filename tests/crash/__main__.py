"""``python -m tests.crash``: print the crash matrix; exit 1 if a cell is red.

All calls of the whole story, or with ``--small`` each kind of call that changes something once, in a small world.
"""

import argparse
import sys

from tests.crash.choosing import EachKindOnce, Everything, printed
from tests.crash.matrix import Matrix


def main() -> int:
    """Play the story; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--small", action="store_true", help="each kind of call once, in a small world")
    parser.add_argument("--shard", default="1/1", metavar="I/N", help="the I-th of N parts of the deaths")
    parser.add_argument("--chapter", action="append", help="only the deaths of this chapter; may be repeated")
    options = parser.parse_args()
    shard, shards = (int(part) for part in options.shard.split("/"))
    choose = (EachKindOnce if options.small else Everything)(shard - 1, shards)
    matrix = Matrix(choose)
    matrix.play(frozenset(options.chapter) if options.chapter else None, small=options.small)
    sys.stdout.write(printed(matrix.deaths, matrix.runs) + "\n")
    return int(not matrix.deaths or any(death.wrong for death in matrix.deaths))


if __name__ == "__main__":
    raise SystemExit(main())
