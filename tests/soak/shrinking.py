"""Make a failing script short: leave out acts while it still fails (delta debugging, Zeller and Hildebrandt 2002)."""

from collections.abc import Callable, Sequence


def shrink[Act](acts: Sequence[Act], fails: Callable[[Sequence[Act]], bool], tries: int = 200) -> tuple[Act, ...]:
    """A short sublist of ``acts`` that ``fails``, found with at most so many tries; ``acts`` itself fails."""
    left = list(acts)
    size = max(len(left) // 2, 1)
    while tries > 0:
        start, shorter = 0, False
        while start < len(left) and tries > 0:
            without = left[:start] + left[start + size :]
            tries -= 1
            if fails(without):
                left, shorter = without, True
            else:
                start += size
        if size == 1 and not shorter:
            break
        size = max(size // 2, 1)
    return tuple(left)
