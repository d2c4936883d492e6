"""What ``benchmarks.fleet`` measures, each in a process that loads no more than it needs."""

import json
import os
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
import httpx

from benchmarks.apart import peak
from benchmarks.growth_run import BUCKET, run, since
from rotation_watcher.adapters.roles import Roles


def ours(now: str, anchors: str) -> None:
    """One run of publish for all targets with a new root."""
    took, pauses = run("changed", datetime.fromisoformat(now), Path(anchors), _now)
    _tell(took, pauses)


def bare(body: str) -> None:
    """The bare calls for all targets of the watch file, by the SDK as anybody has it."""
    s3, http, roles = boto3.client("s3"), httpx.Client(), Roles()
    targets = json.loads(s3.get_object(Bucket=BUCKET, Key="watch.json")["Body"].read())["targets"]
    elbs: dict[str | None, Any] = {None: boto3.client("elbv2")}
    for target in targets:
        if (role := target.get("role_arn")) not in elbs:
            elbs[role] = roles.session(role, None).client("elbv2")
        elbs[role].describe_trust_stores(TrustStoreArns=[target["arn"]])
    start = _now()
    for target in targets:
        _bare(s3, elbs[target.get("role_arn")], http, target, Path(body).read_bytes())
    _tell(since(start, _now), 0.0)


def _bare(s3: Any, elb: Any, http: httpx.Client, target: dict[str, str], body: bytes) -> None:
    key, arn = f"targets/bare-{target['id']}/bundle.pem", target["arn"]  # where the other accounts may read
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


def _tell(took: list[float], pauses: float) -> None:
    print(json.dumps([*took, pauses, peak()]))


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
