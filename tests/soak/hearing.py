"""What is alerted in a script: each thing once, and all that was seen often enough."""

from dataclasses import dataclass, field

from rotation_watcher.alerts.model import Kind
from tests.soak.breach import Breach, Way, short
from tests.soak.environment import Mailbox

CONFIRMATIONS = 2


@dataclass
class _Streak:
    """How many committed runs in a row agreed."""

    current: frozenset[str] = frozenset()
    upcoming: frozenset[str] = frozenset()
    quarantined: frozenset[str] = frozenset()
    current_looks: int = 0
    upcoming_looks: int = 0
    quarantined_looks: int = 0


@dataclass
class _Tales:
    """What must have been alerted in the end, and what may have been."""

    rotated: set[str] = field(default_factory=set)
    upcoming: set[str] = field(default_factory=set)
    quarantined: set[str] = field(default_factory=set)
    ever_current: set[str] = field(default_factory=set)
    ever_upcoming: set[str] = field(default_factory=set)
    baseline: set[str] = field(default_factory=set)


class Hearing:
    """Keeps what was seen, and compares it with the alerts. ``again``: what may be alerted twice (approved twice)."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self.again: set[str] = set()
        self._streaks: dict[Way, _Streak] = {}
        self._tales: dict[Way, _Tales] = {}
        self._delivered: dict[str, bool] = {}
        self._read = 0

    def presented(self, way: Way, key: str) -> None:
        """Genesys presents this leaf."""
        self._tales.setdefault(way, _Tales()).ever_current.add(key)

    def issued(self, way: Way, key: str) -> None:
        """There is this leaf. One announced and presented in one moment is upcoming in a flapping API's old answers."""
        self._tales.setdefault(way, _Tales()).ever_upcoming.add(key)

    def missed(self, way: Way) -> None:
        """A run of which nobody knows what was committed."""
        self._streaks.pop(way, None)

    def note(self, way: Way, current: frozenset[str], upcoming: frozenset[str], doubtful: frozenset[str]) -> None:
        """A committed run was shown these, and ``doubtful`` ones that nobody vouches for."""
        tales = self._tales[way]
        streak = self._streaks.setdefault(way, _Streak())
        if not tales.baseline:
            tales.baseline = {*current}
        same = current == streak.current
        streak.current_looks = streak.current_looks + 1 if same else 1
        streak.upcoming_looks = streak.upcoming_looks + 1 if same and upcoming == streak.upcoming else 1
        streak.quarantined_looks = streak.quarantined_looks + 1 if doubtful == streak.quarantined else 1
        streak.current, streak.upcoming, streak.quarantined = current, upcoming, doubtful
        if current and streak.current_looks >= CONFIRMATIONS:
            tales.rotated |= current - tales.baseline
        if current and streak.upcoming_looks >= CONFIRMATIONS:
            tales.upcoming |= upcoming - current - tales.ever_current
        if streak.quarantined_looks >= CONFIRMATIONS:
            tales.quarantined |= doubtful

    def hear_again(self) -> None:
        """Take the mailbox as it is now for all that was ever alerted."""
        self._read = 0
        self._delivered.clear()

    def check(self) -> None:
        """Alerts come once by id, unless something went wrong in the run that delivered them before. Raises Breach."""
        for told in self._mailbox.told[self._read :]:
            excused = self._delivered.get(told.alert.key)
            if excused is False:
                raise Breach(f"the alert {told.alert.key} came twice")
            # Who was dismissed and is approved again is alerted again, under the same id.
            again = told.alert.id.rpartition(":")[2] in self.again
            self._delivered[told.alert.key] = told.excused or again
        self._read = len(self._mailbox.told)

    def check_end(self) -> None:
        """Everything is quiet. Raises Breach."""
        first = {key for key in self._delivered if "#" not in key or "#open:" in key}
        told = [one.split(":", 2) for one in {key.partition("#")[0] for key in first}]
        over = {key.partition("#")[0] for key in self._delivered if "#resolved:" in key}
        by_kind: dict[tuple[str, str], list[str]] = {}
        for kind, subject, distinction in told:
            by_kind.setdefault((kind, subject), []).append(distinction)
        for way, tales in self._tales.items():
            for kind, must, may in (
                (Kind.ROTATED, tales.rotated, tales.ever_current),
                (Kind.UPCOMING_PUBLISHED, tales.upcoming, tales.ever_upcoming),
                (Kind.QUARANTINED, tales.quarantined, None),
            ):
                said = [one for one in by_kind.get((kind, way.source), []) if one.startswith(f"{way.authority}:")]
                heads = [one.split(":")[1] for one in said]
                if missing := must - {*heads}:
                    raise Breach(f"nobody was told {kind} of {short(missing)} ({way.source} {way.authority})")
                if may is None:
                    continue
                if strange := {*heads} - may - self.again:
                    raise Breach(f"people were told {kind} of {short(strange)}, which never was")
                if len(heads) != len({*heads}):
                    raise Breach(f"people were told {kind} of one leaf twice: {sorted(said)}")
        for source in {way.source for way in self._tales}:
            failing = {*by_kind.get((Kind.SOURCE_FAILING, source), [])}
            recovered = {one for one in over if one.startswith(f"{Kind.SOURCE_FAILING}:{source}:")}
            if {f"{Kind.SOURCE_FAILING}:{source}:{one}" for one in failing} != recovered:
                raise Breach(f"{source} failed {sorted(failing)} and recovered {sorted(recovered)}")
