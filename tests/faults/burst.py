"""microburst between the watcher and the embedded AWS: a proxy that fails calls the way AWS fails, on real sockets."""

import asyncio
from threading import Thread
from types import TracebackType
from typing import Any, Self
from unittest import mock

from aiohttp import web
from microburst.app import make_app  # type: ignore[import-untyped]  # it ships no types
from microburst.core.pipeline import Microburst  # type: ignore[import-untyped]  # it ships no types

from local.patience import seconds

_SOON = 20  # seconds of a quiet machine; only a proxy that hangs takes longer


class Burst:
    """A proxy on a free port of 127.0.0.1, for as long as the ``with`` lasts; ``url`` stands in for ``upstream``.

    microburst knows a call by its signature's scope and the SDK's own service models, so what it answers has the
    shape of the service's protocol. API Gateway's two APIs share one scope: those of v2 have no ``operation`` here.
    """

    url: str

    def __init__(self, upstream: str) -> None:
        self._proxy = Microburst(upstream, resign=False)
        self._loop = asyncio.new_event_loop()
        self._runner = web.AppRunner(make_app(self._proxy), access_log=None)
        # To understand hosts that AWS names, it would read the models of all 400 services; ours is an address.
        self._hosts = mock.patch("microburst.detection.host._endpoint_prefix_map", dict)
        self._thread = Thread(target=self._loop.run_forever, name="microburst", daemon=True)

    def __enter__(self) -> Self:
        self._hosts.start()
        self._thread.start()
        self.url = asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(seconds(_SOON))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(seconds(_SOON))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(seconds(_SOON))
        self._loop.close()
        self._hosts.stop()

    def inject(self, *rules: dict[str, Any]) -> None:
        """Let calls meet these rules (microburst's own words for them) until ``clear``. Raises ValueError."""
        self._proxy.engine.add_rules([*rules])

    def clear(self) -> None:
        """Let every call pass again."""
        self._proxy.engine.set_rules([])

    @property
    def fired(self) -> int:
        """How many calls have met a rule so far."""
        return len(self._proxy.fired)

    async def _open(self) -> str:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0]
        return f"http://{host}:{port}"
