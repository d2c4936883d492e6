"""Reads the simulator through the Genesys adapter, as a source of the watch file would."""

import json
from functools import partial
from typing import Any

import pytest

from local.genesys.server import Simulator
from rotation_watcher.adapters.genesys import Genesys, make_client
from rotation_watcher.errors import SourceError
from rotation_watcher.ports import Credentials
from tests.support.fakes import ManualClock

REGION = "us-east-1"
SECRET = "canary-secret-RkVbX2v0e9Jt3mYw6ZsQ"
TOKEN = "canary-token-pL8dKc1nBf4gTq7hUx5a"
EMPTY = '{"entities": []}'


class Observer:
    """An adapter that reads one simulated region. Pauses let virtual time pass, so that none of them is waited."""

    def __init__(self, simulator: Simulator, clock: ManualClock, *, budget: float = 30.0) -> None:
        self.simulator = simulator
        self.clock = clock
        self.credentials = Credentials(simulator.client_id, SECRET)
        self.api = Genesys(
            clock,
            partial(make_client, simulator.ca_file),
            pause=self.pause,
            jitter=lambda: 0.5,
            budget=budget,
        )

    def pause(self, seconds: float) -> None:
        self.clock.wait(seconds)

    def observe(self, region: str = REGION) -> list[dict[str, Any]]:
        raw = self.api.certificates(
            api_url=self.simulator.api_url(region),
            login_url=self.simulator.login_url(region),
            credentials=self.credentials,
        )
        return [json.loads(entity) for entity in raw]

    def fails(self) -> SourceError:
        with pytest.raises(SourceError) as caught:
            self.observe()
        assert "canary" not in str(caught.value) + repr(caught.value)
        return caught.value

    def asked(self, path: str) -> list[int]:
        """The statuses of the answers to the requests whose path holds this."""
        return [seen.status for seen in self.simulator.requests if path in seen.path]
