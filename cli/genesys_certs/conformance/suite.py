"""What one service is asked, and what that takes."""

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from genesys_certs.conformance.model import Probe
from genesys_certs.conformance.workshop import Options, Workshop


class Suite(NamedTuple):
    """``open`` makes what the probes need, and gives their bench. ``kinds``: of ``leftovers``, all that it makes.

    ``needs``: the options of which each inner group needs one. ``makes_with``: an option, and what it makes besides;
    ``uses_with``: an option, and what of the operator's is used for what.
    ``minutes``: of all questions; ``around``: those of them that making and removing take.
    """

    service: str
    about: str
    needs: tuple[tuple[str, ...], ...]
    makes: tuple[str, ...]
    makes_with: tuple[tuple[str, str], ...]
    cost: str
    minutes: int
    kinds: tuple[str, ...]
    open: Callable[[Workshop, Options], Any]
    probes: Sequence[Probe]
    around: int = 1
    uses_with: tuple[tuple[str, str], ...] = ()

    def only(self, patterns: Sequence[str]) -> "Suite":
        """With the probes whose id fits a pattern; with all where there is none."""
        fits = [one for one in self.probes if not patterns or any(fnmatchcase(one.id, each) for each in patterns)]
        return self._replace(probes=fits)

    def able(self, options: Options) -> tuple["Suite", list[str]]:
        """With the probes whose option was given, and the options that are missing for the others, in words."""
        given = {name for name, value in options._asdict().items() if value}
        able = [one for one in self.probes if given.issuperset(one.wants)]
        wanted = {name for one in self.probes for name in one.wants} - given
        return self._replace(probes=able), sorted(f"--{name.replace('_', '-')}" for name in wanted)

    def lasts(self, asked: int) -> int:
        """Minutes that so many of these questions take at most, with all that is made and removed."""
        return self.around + -(-(self.minutes - self.around) * asked // max(1, len(self.probes)))

    def missing(self, options: Options) -> list[str]:
        """The options that are missing, in words."""
        names = [tuple(f"--{name.replace('_', '-').removesuffix('s')}" for name in group) for group in self.needs]
        return [" or ".join(words) for words, group in zip(names, self.needs, strict=True) if not _any(options, group)]

    def creations(self, options: Options) -> list[str]:
        """What it will make, in words."""
        return [*self.makes, *(words for name, words in self.makes_with if _any(options, (name,)))]

    def uses(self, options: Options) -> list[str]:
        """What of the operator's it will use, and for what, in words."""
        return [words for name, words in self.uses_with if _any(options, (name,))]


def _any(options: Options, names: tuple[str, ...]) -> bool:
    return any(getattr(options, name) for name in names)
