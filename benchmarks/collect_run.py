"""What ``benchmarks.collect`` measures, in a process of its own: prints pairs of seconds, ours and bare.

The first pair is that of a container that has just started: built, and with nothing asked for yet.
"""

import json
import ssl
import sys
import time
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import httpx
import msgspec

from benchmarks.apart import peak
from local.base_environment import CountingMetrics
from local.genesys.clock import VirtualClock
from rotation_watcher import bootstrap
from rotation_watcher.adapters.genesys import Genesys, make_client
from rotation_watcher.collect import Request, collect


def ours(clock: VirtualClock, watcher: bootstrap.Watcher) -> float:
    """The seconds of one run that finds everything as it was; tokens are asked for."""
    clock.advance(timedelta(minutes=15))
    genesys = Genesys(clock, partial(make_client, watcher.settings.ca_file))  # it remembers no token
    ports = msgspec.structs.replace(watcher.collect, genesys=genesys)
    begun = time.perf_counter()
    watch = watcher.watch()
    summary = collect(watch, Request(), ports)
    seconds = time.perf_counter() - begun
    if summary.broken or any(one.outcome != "read" for one in summary.sources.values()):
        raise RuntimeError(f"{summary}")
    return seconds


def bare(where: dict[str, Any]) -> float:
    """The seconds of a token and two requests."""
    with httpx.Client(verify=where["context"]) as client:
        begun = time.perf_counter()
        asked = {"grant_type": "client_credentials"}
        token = client.post(f"{where['url']}/oauth/token", data=asked, auth=tuple(where["client"])).json()
        headers = {"Authorization": f"Bearer {token['access_token']}"}
        for status in ("Current", "Upcoming"):
            place = f"{where['url']}/api/v2/integrations/actions/certificates"
            client.get(place, params={"status": status, "type": "Client"}, headers=headers).raise_for_status()
        return time.perf_counter() - begun


def main() -> int:
    """Take turns."""
    where = json.loads(sys.argv[1])
    where["context"] = ssl.create_default_context(cafile=where["ca_file"])
    clock = VirtualClock(datetime.fromisoformat(where["now"]))
    watcher = bootstrap.build(CountingMetrics(), clock=clock)
    pairs = [(ours(clock, watcher), bare(where)) for _ in range(where["rounds"])]
    print(json.dumps({"pairs": pairs, "peak_mb": peak()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
