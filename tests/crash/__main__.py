"""``python -m tests.crash``: print the crash matrix; exit 1 if a cell is red.

All calls of the whole script, or with ``--small`` each kind of call that changes something once, in a small world.
"""

import argparse
import subprocess
import sys

import msgspec

from tests.crash.choosing import EachKindOnce, Everything, printed
from tests.crash.matrix import Death, Matrix


def main() -> int:
    """Play the script; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--small", action="store_true", help="each kind of call once, in a small world")
    parser.add_argument("--shard", default="1/1", metavar="I/N", help="the I-th of N parts of the deaths")
    parser.add_argument("--processes", type=int, default=1, help="how many play at the same time")
    parser.add_argument("--json", action="store_true", help="the deaths as JSON instead of the table")
    parser.add_argument("--part", action="append", help="only the deaths of this part; may be repeated")
    options = parser.parse_args()
    shard, shards = (int(part) for part in options.shard.split("/"))
    if options.processes > 1:
        deaths, runs = _together(options.processes, sys.argv[1:])
    else:
        matrix = Matrix((EachKindOnce if options.small else Everything)(shard - 1, shards))
        matrix.play(frozenset(options.part) if options.part else None, small=options.small)
        deaths, runs = matrix.deaths, matrix.runs
    if options.json:
        sys.stdout.buffer.write(msgspec.json.encode((deaths, runs)))
    else:
        sys.stdout.write(printed(deaths, runs) + "\n")
    return int(not deaths or any(death.wrong for death in deaths))


def _together(processes: int, arguments: list[str]) -> tuple[list[Death], int]:
    """Let as many processes play the script, each with its part of the deaths. Raises RuntimeError if one breaks."""
    commands = [
        [sys.executable, "-m", "tests.crash", *arguments, "--processes=1", f"--shard={each}/{processes}", "--json"]
        for each in range(1, processes + 1)
    ]
    players = [subprocess.Popen(command, stdout=subprocess.PIPE) for command in commands]
    deaths: list[Death] = []
    runs = 0
    for player in players:
        said, _ = player.communicate()
        if not said:
            raise RuntimeError(f"a player ended with {player.returncode} and said nothing")
        found, runs = msgspec.json.decode(said, type=tuple[list[Death], int])
        deaths += found
    return deaths, runs


if __name__ == "__main__":
    raise SystemExit(main())
