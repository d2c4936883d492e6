"""The smallest world in which collect works: sources whose answers a test sets, all else in memory, time injected."""

import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

from rotation_watcher import collect as collecting
from rotation_watcher import keys
from rotation_watcher.collect import Request, Summary
from rotation_watcher.errors import SourceError
from rotation_watcher.listed_store import Memory
from rotation_watcher.ports import Credentials
from rotation_watcher.sources import history
from rotation_watcher.sources.history import History
from tests.support import certs
from tests.support.fakes import InMemoryStore, ManualClock, RecordingQueue
from tests.support.small_world import NAME, START, Sink, issued, leaf_of
from tests.support.watch_files import watch_file
from tests.support.words import word

ARN = "arn:aws:ssm:us-east-1:123456789012:parameter/{}"
SECRET = '{"client_id": "3f2b8a52-9c55-4f2a-a0f5-5d3f6d6c2d11", "client_secret": "canary-secret"}'
TARGET = "arn:aws:elasticloadbalancing:us-east-1:123456789012:truststore/alb/0123456789abcdef"
QUARTER = timedelta(minutes=15)


def entity(pem: str | bytes, status: str = "Current", *, authority: str = "Genesys", kind: str = "Client") -> bytes:
    """One entity as the API sends it."""
    text = pem.decode() if isinstance(pem, bytes) else pem
    wire = {"signingAuthority": authority, "certificate": text, "status": status, "type": kind}
    return json.dumps(wire).encode()


def leaf(name: str = "Root 0", status: str = "Current") -> bytes:
    """The entity of the leaf under the root of that name, with its root."""
    return entity(leaf_of(name).pem + issued(name).pem, status)


def renewed(root: str = "Root 0") -> bytes:
    """The entity of another leaf of the same name, newer, under the root of that name."""
    issued_leaf = certs.issue(issued(root), NAME, not_before=START)
    return entity(issued_leaf.pem + issued(root).pem)


def junk(number: int, *, start: int = 0, status: str = "Current") -> list[bytes]:
    """That many entities, none like another, in which no certificate can be read."""
    return [entity(f"junk {start + place}", status) for place in range(number)]


def strangers(number: int) -> list[bytes]:
    """That many certificates of a CA that nobody trusts."""
    ca, key = issued("Stranger"), certs.ec_key()
    return [entity(certs.issue(ca, f"s{place}.example.com", key=key).pem) for place in range(number)]


class Counted:
    """``ports.Metrics``: what the last run counted, by name."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}

    def count(self, name: str, value: float = 1) -> None:
        """See ``ports.Metrics``."""
        self.values[name] = value


def _itself(memory: Memory) -> Memory:
    return memory


class SmallCollect:
    """``answers`` maps each source to the entities that it gives, or to its error; regions differ unless told so."""

    def __init__(self, *sources: str, regions: Sequence[str] = ("us-east-1", "eu-west-1", "ap-south-1")) -> None:
        self.clock = ManualClock(START)
        self.store, self.queue, self.sink, self.metrics = InMemoryStore(), RecordingQueue(), Sink(), Counted()
        self.answers: dict[str, Sequence[bytes] | SourceError] = {name: [leaf()] for name in sources or ("one",)}
        self.remaining: Callable[[], float] = lambda: 120.0
        self.secret: Callable[[str], str] = lambda _: SECRET
        self.memory: Memory | None = None
        """What the container of the runs remembers."""
        self.watch = watch_file(
            {
                "mode": "apply",
                "sources": [
                    {
                        "id": name,
                        "region": region,
                        "credentials": ARN.format(name),
                        "authorities": ["Genesys"],
                        "api_url": f"https://{name}.example.com",
                        "client_name": NAME,
                    }
                    for name, region in zip(self.answers, regions, strict=False)
                ],
                "bundles": [{"id": "main", "sources": [*self.answers], "authorities": ["Genesys"]}],
                "targets": [{"id": "alb", "arn": TARGET, "bundle": "main"}],
            },
        )
        for region in regions:
            self.store.seed(f"anchors/{region}.pem", issued("Root 0").pem + issued("Root 1").pem)

    def certificates(self, *, api_url: str, login_url: str, credentials: Credentials) -> Sequence[bytes]:
        """See ``ports.GenesysApi``."""
        del login_url, credentials
        answer = self.answers[api_url.removeprefix("https://").partition(".")[0]]
        if isinstance(answer, SourceError):
            raise answer
        return answer

    def get(self, arn: str) -> str:
        """See ``ports.Secrets``."""
        return self.secret(arn)

    @property
    def ports(self) -> collecting.Ports:
        """What collect is given."""
        return collecting.Ports(
            store=self.store,
            secrets=self,
            genesys=self,
            sink=self.sink,
            queue=self.queue,
            metrics=self.metrics,
            clock=self.clock,
            remaining=self.remaining,
            memory=partial(_itself, self.memory) if self.memory else None,
        )

    def look(self, *sources: str, dry_run: bool = False) -> Summary:
        """One run, a quarter of an hour after the last one."""
        self.clock.advance(QUARTER)
        self.metrics.values.clear()
        return collecting.collect(self.watch, Request(sources=sources, dry_run=dry_run), self.ports)

    def state(self, source: str = "one") -> History:
        """A source's history."""
        return history.decode(self.store.body(keys.history(source)))

    @property
    def kinds(self) -> list[str]:
        """The kinds of what was delivered so far."""
        return [word(alert) for alert in self.sink.delivered]
