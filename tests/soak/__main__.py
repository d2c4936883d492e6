"""``python -m tests.soak``: thousands of rotations in many scripts; exit 1 at the first breach, as a short script.

``--script FILE`` plays one script that was printed.
"""

import argparse
import re
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from random import SystemRandom

from tests.soak.acts import Script, from_text, to_text
from tests.soak.openssl import Openssl
from tests.soak.playing import Played, play
from tests.soak.shrinking import shrink
from tests.soak.writing import write

PER_SCRIPT = 50
"""Rotations that a script asks for."""


def tell(seed: int, rotations: int = PER_SCRIPT) -> Played:
    """Write and play the script of a seed."""
    return play(write(seed, rotations), Openssl())


def shortest(script: Script) -> tuple[Script, Played]:
    """A short script that breaks the same promise, and what comes of it."""
    openssl = Openssl()
    cut = Script(seed=script.seed, sources=script.sources, acts=script.acts[: play(script, openssl).at + 1])
    whole = cut if play(cut, openssl).breach else script

    def told(acts: tuple) -> Script:  # type: ignore[type-arg]  # of acts
        return Script(seed=script.seed, sources=script.sources, acts=tuple(acts))

    kind = _kind(play(whole, openssl).breach)
    acts = shrink(whole.acts, lambda acts: _kind(play(told(tuple(acts)), openssl).breach) == kind)
    return told(acts), play(told(acts), openssl)


def _kind(breach: str | None) -> str:
    """A breach without the names in it: a shorter script is to break the same promise."""
    return re.sub(r"[0-9a-f]{8,}|version-\d+", "…", breach or "")


def explained(script: Script) -> str:
    """The seed, the breach, and the shrunken script."""
    short, played = shortest(script)
    return f"seed {script.seed}: {played.breach}\n(after act {played.at + 1} of)\n{to_text(short)}"


def _all(first: int, rotations: int, processes: int) -> Iterator[tuple[int, Played]]:
    seeds = range(first, first + 10_000_000)
    with ProcessPoolExecutor(processes) as pool:
        ahead = {seed: pool.submit(tell, seed) for seed in seeds[: processes * 2]}
        done, following = 0, seeds[processes * 2 :]
        for seed in seeds:
            played = ahead.pop(seed).result()
            yield seed, played
            done += played.rotations
            if done >= rotations or played.breach:
                pool.shutdown(cancel_futures=True)
                return
            following, new = following[1:], following[0]
            ahead[new] = pool.submit(tell, new)


def main() -> int:
    """Play; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--rotations", type=int, default=10_000)
    parser.add_argument("--seed", type=int, help="the first script's seed; one is drawn and printed otherwise")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--script", type=Path, help="play the script in this file")
    options = parser.parse_args()
    if options.script:
        played = play(from_text(options.script.read_text()), Openssl())
        sys.stdout.write(f"{played}\n")
        return int(played.breach is not None)
    first = options.seed if options.seed is not None else SystemRandom().randrange(1_000_000)
    begun, sums, scripts = time.monotonic(), [0, 0, 0, 0.0], 0
    for seed, played in _all(first, options.rotations, options.processes):
        scripts += 1
        sums = [a + b for a, b in zip(sums, played[:4], strict=True)]
        if played.breach:
            sys.stdout.write(explained(write(seed, PER_SCRIPT)) + "\n")
            return 1
        if scripts % 10 == 0:
            sys.stdout.write(f"{scripts} scripts, {sums[0]} rotations\n")
            sys.stdout.flush()
    seconds = time.monotonic() - begun
    sys.stdout.write(
        f"{sums[0]} rotations in {scripts} scripts of {sums[3]:.0f} virtual years, from seed {first}: {sums[1]} checks,"
        f" {sums[2]} alerts, no breach; {seconds:.0f} s\n"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
