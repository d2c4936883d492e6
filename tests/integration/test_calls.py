"""How many calls of AWS a run of publish makes: counted, so that none comes back unseen (docs/decisions/0046)."""

import re
from collections import Counter

import pytest

from benchmarks.calls import BARS, KINDS, QUARTER, START, Figures, label, measured
from local.base_environment import BUCKET
from local.environment import Environment
from local.genesys.keys import DEFAULT_CACHE
from rotation_watcher.regions import REGIONS

FLEET = 6
"""Half of it is as many as a run has to serve to ask for a listing (``run.LISTED_FROM``)."""
A_RUN = {"changed": 24.0, "quiet": 18.0}
"""The most calls that the targets of a run share."""
A_SOURCE = 8
"""The most calls of refresh_crls at rest for one source more: history, anchors, two of ``seen/``, and its list."""
WRITES = ("Put", "Modify", "Update", "Delete", "Publish", "Send", "Add", "Remove")


@pytest.mark.parametrize("kind", KINDS)
def test_a_target_costs_no_more_calls_than_it_may(kind: str) -> None:
    found = measured(kind, FLEET)
    assert found
    for name, figures in found.items():
        assert 0 < figures.a_target <= BARS[kind, name], figures.calls
        assert figures.a_run <= A_RUN[name], figures.calls
        assert figures.alone <= BARS[kind, name] + A_RUN[name]
    assert _writes(found["quiet"]) == []


def _writes(figures: Figures) -> list[str]:
    return [call for call in figures.calls if call.split()[1].startswith(WRITES)]


@pytest.mark.parametrize(("sources", "listed"), [(12, False), (13, True)])
def test_a_warm_run_of_collect_reads_nothing_of_a_source_where_listings_cost_less(
    sources: int, *, listed: bool
) -> None:
    with Environment(START, DEFAULT_CACHE, world={"root_key_bits": 2048}, aws={"direct": True}) as environment:
        for region in [*REGIONS][:sources]:
            name = REGIONS[region].client_name or f"dataactions.{region}.example"
            environment.world.region(region, client_name=name, days_left=200)
            environment.add_source(region, region, client_name=name)
        environment.configure()
        reads = Counter({"s3 GetObject sources/*/history.json": sources, "s3 GetObject anchors/*": sources})
        lists = Counter({f"s3 ListObjectsV2 {BUCKET}": 2})
        found = [_collected(environment) for _ in range(6)]
    assert found[0] >= reads, "the first run of a container"
    assert found[2:4] == [lists if listed else reads] * 2
    assert found[4] == reads, "after an hour everything is read anew"


def _collected(environment: Environment) -> Counter[str]:
    """The calls of a run, but for that of the watch file."""
    environment.clock.advance(QUARTER)
    environment.aws.calls.clear()
    summary = environment.collect()
    assert {one.outcome for one in summary.sources.values()} == {"read"}
    found = Counter(re.sub("anchors/.+", "anchors/*", label(call)) for call in environment.aws.calls)
    del found["s3 GetObject watch.json"]
    return found


def test_refresh_crls_makes_no_more_calls_for_a_source_where_there_are_more_of_them() -> None:
    one, three, six = (_refreshed(sources) for sources in (1, 3, 6))
    assert (three - one).total() <= 2 * A_SOURCE, three
    assert (six - three).total() <= 3 * A_SOURCE, six
    assert [call for call in six if call.split()[1].startswith(WRITES)] == []


def _refreshed(sources: int) -> Counter[str]:
    """The calls of a run that finds nothing new, with so many sources in one bundle whose leaves are pinned."""
    with Environment(START, DEFAULT_CACHE, world={"root_key_bits": 2048}, aws={"direct": True}) as environment:
        regions = [*REGIONS][:sources]
        for region in regions:
            name = REGIONS[region].client_name or f"dataactions.{region}.example"
            environment.world.region(region, client_name=name, days_left=200)
            environment.add_source(region, region, client_name=name)
        environment.add_bundle("main", regions)
        environment.add_trust_store("alb", "main", environment.world.region("sa-east-1").root_pem())
        environment.configure()
        environment.collect()
        environment.publish("alb")
        environment.refresh_crls()
        environment.publish("alb")
        environment.refresh_crls()
        environment.aws.calls.clear()
        summary = environment.refresh_crls()
        assert [one.outcome for one in summary.lists] == ["unchanged"] * sources
        return Counter(label(call) for call in environment.aws.calls)
