"""Play the whole matrix: ``python -m tests.interleaving`` (some minutes); the exit code is 1 where anything broke."""

import sys

from tests.interleaving.matrix import WHOLE, breaches


def main() -> int:
    """Play every case."""
    broken = 0
    for number, case in enumerate(WHOLE, 1):
        for words in breaches(case):
            broken += 1
            sys.stdout.write(f"{' / '.join(case)}: {words}\n")
        if number % 100 == 0:
            sys.stdout.write(f"{number} of {len(WHOLE)} cases, {broken} breaches\n")
    sys.stdout.write(f"{len(WHOLE)} cases, {broken} breaches\n")
    return min(broken, 1)


if __name__ == "__main__":
    sys.exit(main())
