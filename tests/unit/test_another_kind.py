"""A kind of target that the package does not know: a row in the table, a line in the registry, and an adapter.

It is unlike both known kinds: its ARN holds no region, its updates name the state that they replace, and it tells
neither where its content came from nor who comes in through it. Everything from the watch file to the proof takes it.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, override

import msgspec
import pytest

from rotation_watcher import arns, config, kinds
from rotation_watcher.adapters import registry
from rotation_watcher.adapters.connections import Connections
from rotation_watcher.adapters.registry import TrustTargets
from rotation_watcher.config import Watch
from rotation_watcher.errors import ConfigurationError, TargetBusy, TargetNotFound
from rotation_watcher.expressions import Expression
from rotation_watcher.kinds import Kind, Limits, Payload, Placement, Proof
from rotation_watcher.ports import UNKNOWN, BundleObject, Live, TrustTarget
from rotation_watcher.x509.certificates import blocks_of
from tests.soak.environment import SoakEnvironment

EDGE = Kind(
    name="edge-store",
    label="edge store",
    noun="edge store",
    service="edge",
    shape="arn:<partition>:edge::<account>:store/<name>",
    resource=Expression(r"store/(?P<name>[a-z0-9_]{1,40})"),
    placement=Placement.GLOBAL,
    account=True,
    limits=Limits(certificates=7),
    pace=timedelta(minutes=2),
    proof=Proof.BYTES,
    off=None,
    reads_back=True,
    changed_by="UpdateStore",
    takes=Payload.CA_CERTIFICATES,
    plain_name=Expression("[a-z0-9]+"),
)
ARN = "arn:aws:edge::123456789012:store/clients_1"


class EdgeStores:
    """``ports.TrustTarget`` of the new kind, in memory. ``loaded``: the objects asked for, with what was expected."""

    def __init__(self, environment: SoakEnvironment) -> None:
        self._environment = environment
        self._held = b""
        self._etag = 0
        self.loaded: list[tuple[BundleObject, str | None]] = []
        self.meanwhile: list[bytes] = []
        """What others load in the moment before an update of ours."""

    def load(self, bundle: bytes) -> None:
        """Load it, whoever does so."""
        self._held, self._etag = bundle, self._etag + 1

    def read(self, arn: str, known_endpoints: Sequence[str] = ()) -> Live:
        """See ``ports.TrustTarget``."""
        del known_endpoints
        if arn != ARN:
            raise TargetNotFound(arn)
        return Live(
            bundle=self._held,
            location=UNKNOWN,
            version=UNKNOWN,
            etag=f"E{self._etag}",
            settled=True,
            warnings=(),
            endpoints=UNKNOWN,
            proof=EDGE.proof,
        )

    def update(self, arn: str, bundle: BundleObject, *, expected: str | None) -> None:
        """See ``ports.TrustTarget``."""
        self.loaded.append((bundle, expected))
        for other in self.meanwhile:
            self.load(other)
        self.meanwhile.clear()
        if expected != self.read(arn).etag:
            raise TargetBusy(f"cannot change {arn}: it was changed since it was read")
        stored = self._environment.store.get(bundle.key, version=bundle.version)
        assert stored is not None
        self.load(stored.body)


class EdgeEnvironment(SoakEnvironment):
    """The soak's world in memory, with one target of the new kind instead of its own two."""

    def __init__(self) -> None:
        super().__init__(("use1",))
        self.edge = EdgeStores(self)
        self.foreign_root = self.other("before-edge")
        self.edge.load(self.foreign_root.pem().encode())
        self._adapters: Mapping[Kind, TrustTarget] = TrustTargets(Connections())  # type: ignore[assignment]
        self.store.seed("anchors/us-east-1.pem", self.region("use1").root_pem().encode())

    @property
    @override
    def watch(self) -> Watch:
        return self.watch_of({"id": "edge", "arn": ARN, "bundle": "main"})

    def watch_of(self, target: dict[str, Any]) -> Watch:
        source = super().watch.sources[0]
        document = {
            "mode": "apply",
            "sources": [
                {
                    "id": source.id,
                    "region": source.region,
                    "credentials": source.credentials,
                    "api_url": source.api_url,
                    "login_url": source.login_url,
                }
            ],
            "bundles": [{"id": "main", "sources": [source.id]}],
            "targets": [target],
        }
        return config.from_document(document, stack_region="us-east-1", stack_account="123456789012")

    @property
    def root(self) -> str:
        (fingerprint,) = blocks_of(self.region("use1").root_pem().encode())
        return fingerprint

    @property
    def at_the_edge(self) -> set[str]:
        return {*blocks_of(self.edge.read(ARN).bundle)}  # type: ignore[arg-type]  # this kind always gives it


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[EdgeEnvironment]:
    monkeypatch.setitem(kinds.KINDS, EDGE.name, EDGE)
    environment = EdgeEnvironment()

    def never(_: Connections) -> TrustTarget:
        raise AssertionError("an adapter was built for a kind that is in no watch file")

    for name in registry.FACTORIES:
        monkeypatch.setitem(registry.FACTORIES, name, never)
    monkeypatch.setitem(registry.FACTORIES, EDGE.name, lambda _: environment.edge)
    yield environment
    arns.parse_target.cache_clear()  # nothing else adds a kind while the package runs
    arns.unmistakable_id.cache_clear()


def test_it_is_known_wherever_a_target_is_spoken_of(environment: EdgeEnvironment) -> None:
    parsed = arns.parse_target(ARN)

    assert (parsed.kind, parsed.region, parsed.account, parsed.label) == (
        EDGE,
        None,
        "123456789012",
        "edge store clients_1",
    )
    assert environment.watch.targets[0].limit == 7
    assert arns.message_group(ARN) == f"clients-1-{digest(ARN)}"
    assert arns.target_ids([ARN, ARN.replace("_1", "1")]) == [f"clients-1-{digest(ARN)}", "clients1"]
    with pytest.raises(ValueError, match=re.escape(EDGE.shape)):
        arns.parse_target("arn:aws:s3:::bucket")


@pytest.mark.parametrize(
    ("arn", "why"),
    [
        (ARN.replace("::", ":us-east-1:"), "the ARN of a edge store holds no region"),
        (ARN.replace("123456789012", "999999999999"), "is of the account 999999999999"),
        (ARN.replace("clients_1", "Clients"), "'store/Clients' is no edge store"),
    ],
)
def test_its_own_rules_are_those_that_its_arn_is_held_to(environment: EdgeEnvironment, arn: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(why)):
        environment.watch_of({"id": "edge", "arn": arn, "bundle": "main"})


def test_it_is_published_to_proved_and_kept_like_any_other(environment: EdgeEnvironment) -> None:
    root = environment.root
    before = environment.edge.read(ARN).etag
    environment.collect()
    assert environment.take() == ["edge"]

    summary = environment.publish("edge").targets["edge"]

    assert (summary.outcome, environment.at_the_edge) == ("updated", {root, environment.foreign_root.fingerprint})
    assert [(bundle.region, expected) for bundle, expected in environment.edge.loaded] == [("us-east-1", before)]
    (told,) = [told.alert for told in environment.mailbox.told if told.alert.kind == "truststore-updated"]
    assert ARN in told.facts.values()

    environment.let_pass(timedelta(minutes=5))
    writes = len(environment.store.writes)
    assert environment.publish("edge").targets["edge"].outcome == "unchanged"
    assert len(environment.store.writes) == writes

    environment.edge.load(environment.foreign_root.pem().encode())  # somebody takes our root out
    environment.let_pass(timedelta(minutes=5))
    assert environment.publish("edge").targets["edge"].outcome == "updated"
    assert environment.at_the_edge == {root, environment.foreign_root.fingerprint}


def test_what_others_loaded_between_our_read_and_our_update_is_not_overwritten(environment: EdgeEnvironment) -> None:
    environment.collect()
    late = environment.other("late")
    environment.edge.meanwhile = [environment.foreign_root.pem().encode() + late.pem().encode()]

    assert environment.publish("edge").targets["edge"].outcome == "put-off"
    assert environment.at_the_edge == {environment.foreign_root.fingerprint, late.fingerprint}

    environment.let_pass(EDGE.back_off - timedelta(seconds=1))
    assert environment.publish("edge").targets["edge"].outcome == "put-off"

    environment.let_pass(timedelta(seconds=1))
    assert environment.publish("edge").targets["edge"].outcome == "updated"
    assert environment.at_the_edge == {
        environment.root,
        environment.foreign_root.fingerprint,
        late.fingerprint,
    }


def test_content_that_its_service_does_not_give_back_is_never_taken_for_nothing(
    environment: EdgeEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment.collect()
    read = environment.edge.read
    monkeypatch.setattr(environment.edge, "read", lambda *told: msgspec.structs.replace(read(*told), bundle=UNKNOWN))

    summary = environment.publish("edge").targets["edge"]

    assert (summary.outcome, environment.edge.loaded) == ("content-unknown", [])
    assert "does not give back what it holds" in str(summary.message)


def test_an_unknown_value_is_neither_true_nor_false() -> None:
    with pytest.raises(TypeError, match="neither true nor false"):
        bool(UNKNOWN)


def digest(arn: str) -> str:
    return hashlib.sha256(arn.encode()).hexdigest()[:8]
