"""What ``benchmarks.certificates`` measures, in a process that loads no more than it needs and remembers nothing.

``FILE``: what a target holds; ``FILE``: what a region presents; the moment. Prints the seconds of each stage.
"""

import gc
import json
import sys
import time
from datetime import datetime
from pathlib import Path

from benchmarks.apart import peak
from rotation_watcher.bundles.wanted import Need, Wanted, compose
from rotation_watcher.config import Policy, Target
from rotation_watcher.kinds import ALB_TRUST_STORE
from rotation_watcher.sources.history import Leaf, Status
from rotation_watcher.targets import plan
from rotation_watcher.targets.record import Record
from rotation_watcher.targets.rules import refusal
from rotation_watcher.trust.assessment import Assessed, assess
from rotation_watcher.trust.identity import Expected
from rotation_watcher.x509 import truststore
from rotation_watcher.x509.certificates import Certificate, parse_text, render_bundle

STORE = "arn:aws:elasticloadbalancing:us-east-1:123456789012:truststore/main/73e2d6bc24d8a067"


def run(text: bytes, presented: str, now: datetime) -> dict[str, float]:
    """The seconds of each stage, and of all. Raises RuntimeError where what comes of it is not what should."""
    moments = [time.perf_counter()]
    contents = truststore.read(text)
    blocks = contents.blocks
    moments.append(time.perf_counter())
    held = [one.certificate for one in blocks.values() if one.certificate is not None]
    refused = [one for one in blocks.values() if refusal(ALB_TRUST_STORE.limits, one) is not None]
    parsed = parse_text(presented)
    judged = assess(
        parsed.certificates, defects=parsed.defects, anchors=held, expected=Expected(), approval={}, now=now
    )
    moments.append(time.perf_counter())
    wanted = compose([_need(judged, now)], {"extra/file.pem": [*blocks.values()]}, now)
    half = truststore.of_blocks(dict([*blocks.items()][: len(blocks) // 2]))
    planned = _planned(half, wanted, now)
    moments.append(time.perf_counter())
    bodies = planned.body, render_bundle(wanted.certificates.values())
    moments.append(time.perf_counter())
    if contents.unsafe or refused or planned.blocked_by or not judged.verdict.accepted:
        raise RuntimeError(f"{contents.unsafe} {refused} {planned.blocked_by} {judged.verdict}")
    if len(planned.added) != len(blocks) - len(blocks) // 2 or len({len(body) for body in bodies}) != 1:
        raise RuntimeError(f"{len(planned.added)} added; {[len(body) for body in bodies]} bytes")
    stages = ("parsed", "assessed", "diffed", "rendered")
    took = {name: after - before for name, before, after in zip(stages, moments, moments[1:], strict=False)}
    return {**took, "all": moments[-1] - moments[0]}


def _need(judged: Assessed, now: datetime) -> Need:
    leaf = judged.leaf
    if not isinstance(leaf, Certificate):
        raise RuntimeError(f"{judged.verdict}")  # noqa: TRY004  # no caller's mistake
    state = Leaf(facts=leaf.facts, chain=(), status=Status.CURRENT, since=now, first_seen=now)
    return Need("use1", "us-east-1", "Genesys", leaf, state, (), (judged.chain[-1],), client_auth=True)


def _planned(held: truststore.Contents, wanted: Wanted, now: datetime) -> plan.Plan:
    limit = len(wanted.certificates) + 1
    target = Target(id="alb", arn=STORE, bundle="main", max_certificates=limit)
    record = Record(target="alb", arn=STORE)
    return plan.make(held, wanted, record, target, Policy(), ours=(), moved_to=None, may_remove=True, now=now)


def main() -> int:
    """Run once, and print.

    What was imported is looked through for garbage before: in a container that was done long ago.
    """
    text, presented, now = sys.argv[1:]
    gc.collect()
    took = run(Path(text).read_bytes(), Path(presented).read_text(), datetime.fromisoformat(now))
    print(json.dumps({"stages": took, "peak_mb": peak()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
