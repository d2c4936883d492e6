"""Lists are fetched several at once: one that hangs delays no other, and a run ends in its time."""

from threading import Event, Lock

from rotation_watcher.errors import FetchCode
from rotation_watcher.ports import Fetched, NotModified, Validators
from rotation_watcher.revocation.fetch import PARALLEL, Failed, Fresh, Job, outcomes
from rotation_watcher.revocation.kept import Held
from rotation_watcher.revocation.points import Member, Point
from tests.support.small_refresh import intermediate, leaf, listed
from tests.support.small_world import START, certificate


class Hanging:
    """``ports.DistributionPoints``: those with ``hang`` in their URL hang until ``release``."""

    def __init__(self) -> None:
        self.release = Event()
        self.under_way = self.most = 0
        self._lock = Lock()

    def fetch(self, url: str, *, known: Validators | None = None) -> Fetched | NotModified:
        """See ``ports.DistributionPoints``."""
        assert known is None
        with self._lock:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        if "hang" in url:
            self.release.wait(20)
        with self._lock:
            self.under_way -= 1
        if "defect" in url:
            raise ZeroDivisionError
        return Fetched(listed(intermediate(), made=START), Validators())


def job(name: str, *, failing: bool = False) -> Job:
    url = f"http://{name}.example.com/a.crl"
    member = Member(certificate(leaf()), "use1", "us-east-1", "Genesys", ca=False)
    point = Point(f"crls/{name}", certificate(intermediate()), {url: frozenset({url})}, ca=False, members=(member,))
    return Job(point, Held(), failing)


def test_lists_that_hang_delay_no_other_and_are_failures_when_the_time_is_up() -> None:
    points = Hanging()
    try:
        jobs = [*(job(f"hang{number}") for number in range(PARALLEL - 1)), *(job(f"good{n}") for n in range(20))]
        found = [(one.point.folder, outcome) for one, outcome in outcomes(jobs, points, START, 2.0)]
    finally:
        points.release.set()
    assert all(isinstance(outcome, Fresh) for _, outcome in found[:20])
    late = [outcome for folder, outcome in found if "hang" in folder]
    assert [one.code for one in late if isinstance(one, Failed)] == [FetchCode.TIMED_OUT] * (PARALLEL - 1)
    assert points.most <= PARALLEL


def test_lists_that_failed_before_come_last_so_that_however_many_hang_the_others_are_served() -> None:
    points = Hanging()
    try:
        jobs = [*(job(f"hang{number}", failing=True) for number in range(3 * PARALLEL)), job("good")]
        first, outcome = next(outcomes(jobs, points, START, 5.0))
    finally:
        points.release.set()
    assert (first.point.folder, isinstance(outcome, Fresh)) == ("crls/good", True)


def test_no_more_are_fetched_than_are_dealt_with() -> None:
    points = Hanging()
    each = outcomes([job(f"good{number}") for number in range(3 * PARALLEL)], points, START, 5.0)
    next(each)
    assert points.most <= PARALLEL
    assert len([*each]) == 3 * PARALLEL - 1


def test_a_defect_of_one_fetch_is_a_failure_of_that_list_alone() -> None:
    found = {
        one.point.folder: outcome for one, outcome in outcomes([job("defect"), job("good")], Hanging(), START, 5.0)
    }
    failed = found["crls/defect"]
    assert isinstance(failed, Failed)
    assert (failed.code, failed.words) == (FetchCode.UNREACHABLE, "an unexpected ZeroDivisionError while fetching")
    assert isinstance(found["crls/good"], Fresh)
