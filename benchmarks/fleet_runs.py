"""What ``benchmarks.fleet`` measures, each in a process that loads no more than it needs."""

import json
import os
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from local.genesys.clock import VirtualClock
from rotation_watcher import bootstrap
from rotation_watcher.adapters import clients
from rotation_watcher.alerts.fills import Fill
from rotation_watcher.publish import publish
from rotation_watcher.targets.requests import Reconcile

BUCKET = "watcher-bucket"


def ours(now: str, anchors: str) -> None:
    """One run of publish for all targets, in a container that has seen them at rest: it runs every few minutes."""
    clock = VirtualClock(datetime.fromisoformat(now))
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        clock.advance(timedelta(seconds=seconds))

    watcher = bootstrap.build(clock=clock, wait=wait)
    ports = watcher.publish._replace(owner="a-run", sink=watcher.sink(Fill.PUBLISH))
    publish(watcher.watch(), Reconcile(), ports)
    clients.make("s3").put_object(Bucket=BUCKET, Key="anchors/us-east-1.pem", Body=Path(anchors).read_bytes())
    clock.advance(timedelta(minutes=5))
    waited.clear()
    start = _now()
    summary = publish(watcher.watch(), Reconcile(), ports)
    took = _since(start)
    outcomes = {str(one.outcome) for one in summary.targets.values()}
    if outcomes != {"updated"}:
        raise RuntimeError(f"{outcomes}")
    _tell(took, sum(waited))


def bare(body: str) -> None:
    """The bare calls for all targets of the watch file."""
    s3, elb, http = clients.make("s3"), clients.make("elbv2"), httpx.Client()
    targets = json.loads(s3.get_object(Bucket=BUCKET, Key="watch.json")["Body"].read())["targets"]
    elb.describe_trust_stores(TrustStoreArns=[targets[0]["arn"]])
    start = _now()
    for target in targets:
        _bare(s3, elb, http, target, Path(body).read_bytes())
    _tell(_since(start), 0.0)


def _bare(s3: Any, elb: Any, http: httpx.Client, target: dict[str, str], body: bytes) -> None:
    key, arn = f"bare/{target['id']}.pem", target["arn"]
    version = s3.put_object(Bucket=BUCKET, Key=key, Body=body)["VersionId"]
    place = {"CaCertificatesBundleS3Bucket": BUCKET, "CaCertificatesBundleS3Key": key}
    elb.modify_trust_store(TrustStoreArn=arn, CaCertificatesBundleS3ObjectVersion=version, **place)
    status = elb.describe_trust_stores(TrustStoreArns=[arn])["TrustStores"][0]["Status"]
    live = http.get(elb.get_trust_store_ca_certificates_bundle(TrustStoreArn=arn)["Location"]).content
    if (status, live) != ("ACTIVE", body):
        raise RuntimeError(f"{arn} does not hold what it was given")
    record = {"target": arn, "version": version, "applied": list(range(300))}
    s3.put_object(Bucket=BUCKET, Key=f"bare/{target['id']}.json", Body=json.dumps(record).encode())


def _now() -> tuple[float, float]:
    """Seconds on the clock, and by processor: of this process and of the one that serves it."""
    serving = Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()
    return time.perf_counter(), time.process_time() + sum(map(int, serving[11:13])) / os.sysconf("SC_CLK_TCK")


def _since(start: tuple[float, float]) -> list[float]:
    return [now - then for now, then in zip(_now(), start, strict=True)]


def _tell(took: list[float], pauses: float) -> None:
    status = Path("/proc/self/status").read_text()
    peak = next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))
    print(json.dumps([*took, pauses, peak]))


def main() -> int:
    """``ours`` with the time and a file that holds the new anchors, or ``bare`` with one that holds the bundle."""
    match sys.argv[1:]:
        case ["ours", now, anchors]:
            ours(now, anchors)
        case ["bare", body]:
            bare(body)
    return 0


if __name__ == "__main__":
    sys.exit(main())
