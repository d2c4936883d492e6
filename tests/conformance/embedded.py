"""The kit's suites over an embedded AWS, on a virtual clock: what is waited for passes at once."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from socket import socket
from typing import Any

import boto3
import httpx
from botocore.config import Config

from genesys_certs.conformance import running
from genesys_certs.conformance.door import Connect
from genesys_certs.conformance.model import Answer, claimed, not_asked
from genesys_certs.conformance.of_genesys import recorded
from genesys_certs.conformance.redaction import Redactor
from genesys_certs.conformance.suite import Suite
from genesys_certs.conformance.suites import SUITES
from genesys_certs.conformance.workshop import Options, Services
from local.aws.calls import Call
from local.aws.other_place import Keys, assumed
from local.aws.server import EmbeddedAws
from local.genesys.clock import VirtualClock
from local.genesys.keys import DEFAULT_CACHE
from local.genesys.server import Simulator
from local.genesys.world import World
from rotation_watcher.ports import Credentials
from tests.conformance.doors import doors
from tests.support.certs import self_signed_ca
from tests.support.embedded import START, download

OTHER_ACCOUNT = "222222222222"
OTHER_REGION = "eu-central-1"
GENESYS_REGION = "us-east-1"
RUN = "0123456789abcdef"
KEY = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
ROLE = "conformance"
TRUST = {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}}
DEPLOYMENT = timedelta(minutes=4)
"""Of a distribution, about as CloudFront takes."""


def services(aws: EmbeddedAws, clock: VirtualClock, connect: Connect | None = None) -> Services:
    """The world of a run: the embedded AWS, and a time that passes only where somebody waits."""
    start = clock()
    kept: dict[tuple[str, str | None], Any] = {}

    def client(service: str, region: str | None) -> Any:
        if (service, region) not in kept:
            kept[service, region] = aws.new_client(service, region)
        return kept[service, region]

    def fetched(url: str) -> bytes:
        answer = download(url)
        if answer.status_code != httpx.codes.OK:
            raise AssertionError(answer.text)
        return answer.content

    def wait(seconds: float) -> None:
        clock.advance(timedelta(seconds=seconds))

    def timer() -> float:
        return (clock() - start).total_seconds()

    def restricted(service: str, role: str, policy: str) -> Any:
        return Enforced(aws, with_keys(aws, assumed(aws, role, policy))(service, aws.region))

    return Services(aws.region, "aws", client, fetched, clock, timer, wait, restricted, connect or _nowhere)


class Enforced:
    """A client for whose calls IAM is enforced, and for no other."""

    def __init__(self, aws: EmbeddedAws, client: Any) -> None:
        self._aws, self._client = aws, client

    def __getattr__(self, name: str) -> Any:
        def call(**given: Any) -> Any:
            with self._aws.enforced_iam():
                return getattr(self._client, name)(**given)

        return call


def with_keys(aws: EmbeddedAws, keys: Keys) -> Callable[[str, str], Any]:
    """Makes clients, by service and region, in the name of a role that was taken on."""
    session: Any = boto3.session.Session(keys.access, keys.secret, keys.token)
    config = Config(retries={"total_max_attempts": 1}, proxies={})
    return lambda service, region: session.client(service, region_name=region, endpoint_url=aws.url, config=config)


def role(aws: EmbeddedAws) -> str:
    """One of the operator's, which may do everything. Its ARN."""
    iam = aws.client("iam")
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(TRUST))
    allowed = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    iam.put_role_policy(RoleName=ROLE, PolicyName="kit", PolicyDocument=json.dumps(allowed))
    return f"arn:aws:iam::{aws.account}:role/{ROLE}"


def _nowhere(host: str, port: int) -> socket:
    raise AssertionError(f"nobody knocks at {host}:{port}")


def options(aws: EmbeddedAws) -> Options:
    """Everything that an operator can give."""
    return Options(
        domain="conformance.example.com",
        certificate=aws.certificate(),
        subnets=(subnet(aws),),
        other_region=OTHER_REGION,
        other_bucket=other_bucket(aws),
        target="10.0.0.5:8080",
        kms_key=KEY,
        role=role(aws),
    )


def other_bucket(aws: EmbeddedAws) -> str:
    """A bundle in a bucket of another account, which lets this one read it."""
    s3, name = aws.at(account=OTHER_ACCOUNT).client("s3"), "somebody-elses"
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=name, Key="ca.pem", Body=self_signed_ca().pem)
    allowed = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{aws.account}:root"},
        "Action": ["s3:GetObject", "s3:GetObjectVersion"],
        "Resource": f"arn:aws:s3:::{name}/*",
    }
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}))
    return f"s3://{name}/ca.pem"


def present() -> VirtualClock:
    """A clock that begins now: real TLS servers judge by the machine's time."""
    return VirtualClock(datetime.now(UTC))


def subnet(aws: EmbeddedAws) -> str:
    """One of the account's default VPC."""
    return str(aws.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"])


def given(aws: EmbeddedAws, service: str) -> list[str]:
    """What a suite needs, as the command line gives it."""
    chosen = options(aws)._asdict()
    words: list[str] = []
    for name in dict.fromkeys(group[0] for group in SUITES[service].needs):
        value = chosen[name]
        for one in value if isinstance(value, tuple) else [value]:
            words += [f"--{name.replace('_', '-').removesuffix('s')}", one]
    return words


def answers(aws: EmbeddedAws, clock: VirtualClock, suite: Suite) -> dict[str, Answer]:
    """What the embedded AWS claims, by the probe's id. What it cannot answer is asked of nobody."""
    able = suite._replace(probes=[probe for probe in suite.probes if not probe.unclaimed])
    unable = {probe.id: not_asked(probe.unclaimed) for probe in suite.probes if probe.unclaimed}
    chosen = options(aws)
    aws.calls.clear()
    with doors(aws) as connect:
        world = services(aws, clock, connect)
        record, gone = running.run(able, world, chosen, RUN, Redactor([]), lambda _: None)
    if not gone.clean or {one.kind for one in gone.removed} != {*suite.kinds}:
        raise AssertionError(f"not all was made, found and removed: {gone}")
    found = {name: claimed(answer) for name, answer in record.answers.items()} | unable
    return {probe.id: found[probe.id] for probe in suite.probes}


@cache
def played(service: str) -> tuple[dict[str, Answer], tuple[Call, ...]]:
    """What the embedded AWS claims of a service, and all calls that this took; once in a process."""
    clock = present()
    with EmbeddedAws(clock, deploy_delay=DEPLOYMENT) as aws:
        return answers(aws, clock, SUITES[service]), tuple(aws.calls.snapshot())


def everything() -> dict[str, Answer]:
    """All that is claimed."""
    found = {name: answer for service in SUITES for name, answer in played(service)[0].items()}
    with simulated() as simulator:
        return found | of_genesys(simulator)


@contextmanager
def simulated() -> Iterator[Simulator]:
    """A Genesys Cloud with both authorities in one region."""
    world = World(VirtualClock(START), DEFAULT_CACHE, regions=[GENESYS_REGION], root_key_bits=2048)
    world.region(GENESYS_REGION)
    with Simulator(world) as simulator:
        yield simulator


def of_genesys(simulator: Simulator) -> dict[str, Answer]:
    """What the simulator claims, by the probe's id."""
    credentials = Credentials(simulator.client_id, simulator.client_secret)
    urls = (simulator.api_url(GENESYS_REGION), simulator.login_url(GENESYS_REGION))
    record = recorded(GENESYS_REGION, urls, credentials, simulator.ca_file, Redactor([]))
    return {name: claimed(answer) for name, answer in record.answers.items()}
