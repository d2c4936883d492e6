"""Everything around a deployed stack, on 127.0.0.1 and in real time: an AWS, a Genesys Cloud, a way there."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.request import ProxyHandler, build_opener

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from local.aws.server import EmbeddedAws
from local.aws.stored import Stored
from local.cloud.proxy import SimulatorProxy
from local.genesys.server import Simulator
from local.genesys.world import World
from local.patience import Limit
from rotation_watcher.regions import REGIONS

ROOT = Path(__file__).parents[2]
READY_SECONDS = 40.0
STARTS = 5.0
"""Seconds that the start of a function may take on a busy machine."""
MISSING = {"NoSuchKey", "NoSuchVersion", "NoSuchBucket", "404"}


def _concurrency(minute: float) -> int:
    """How many runs at once: ten, as in a new account; more where the schedules ask oftener than a start takes."""
    return 10 if minute >= STARTS else 40


class Cloud:
    """An AWS that takes a deployment, and Genesys Cloud behind it, as a context manager.

    ``minute`` is how many real seconds a minute of AWS lasts: of schedules, of queues,
    of API Gateway's pace. ``keys`` keeps the simulator's keys. Needs
    ``.venv-stack`` (``scripts/venv.sh stack``).

    Raises RuntimeError if MiniStack does not come up.
    """

    def __init__(self, keys: Path, *, minute: float = 60.0, region: str = "us-east-1") -> None:
        self.region = region
        self._minute = minute
        self.world = World(lambda: datetime.now(UTC), keys)
        hosts = [host for each in REGIONS.values() for host in (each.api_host, each.login_host)]
        self.simulator = Simulator(self.world, names=["127.0.0.1", *hosts])
        self._hosts = frozenset(hosts)
        pace = timedelta(minutes=0.5) * (minute / 60)  # API Gateway's pace, in these minutes
        self.aws = EmbeddedAws(lambda: datetime.now(UTC), region=region, read_object=self._read, update_interval=pace)
        self._exit = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cloud-")))
            stack.enter_context(self.simulator)
            address = ("127.0.0.1", int(self.simulator.url.rpartition(":")[2]))
            self.proxy = stack.enter_context(SimulatorProxy(address, self._hosts))
            stack.enter_context(self.aws)
            self.url = f"http://127.0.0.1:{_free_port()}"
            self.log = self._folder / "ministack.log"
            stack.enter_context(self._ministack())
            self._exit = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit.close()

    def environment(self) -> dict[str, str]:
        """What a person's shell would have to hold for ``aws`` and ``sam`` to work on this AWS, and nothing secret."""
        return self.aws.environment() | {"AWS_ENDPOINT_URL": self.url, "SAM_CLI_TELEMETRY": "0"}

    def client(self, service: str) -> Any:
        """Return a boto3 client of this AWS."""
        make: Any = boto3.session.Session().client
        keys = self.aws.environment()
        return make(
            service,
            region_name=self.region,
            endpoint_url=self.url,
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
            config=Config(proxies={}, retries={"total_max_attempts": 2}, connect_timeout=5, read_timeout=130),
        )

    def outputs(self, stack: str) -> dict[str, str]:
        """Return the outputs of a deployed stack."""
        described = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
        return {each["OutputKey"]: each["OutputValue"] for each in described["Outputs"]}

    @contextmanager
    def _ministack(self) -> Iterator[None]:
        environment = _inherited() | {
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": self.url.rpartition(":")[2],
            "IOT_MTLS_ENABLED": "0",
            "MINISTACK_ACCOUNT_ID": self.aws.account,
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": self.region,
            "STATE_DIR": str(self._folder / "state"),
            "TMPDIR": str(self._folder),
            "LAMBDA_ACCOUNT_CONCURRENCY": str(_concurrency(self._minute)),
            "FORWARD_TO": self.aws.url,
            "SCHEDULE_MINUTE": str(self._minute),
            # What the functions inherit: the way to the simulator, and the CA that its HTTPS certificate is from.
            "HTTPS_PROXY": self.proxy.url,
            "NO_PROXY": "127.0.0.1",
            "GENESYS_CA_FILE": str(self.simulator.ca_file),
            # The first python3.13 on the path runs the functions; it has boto3, as in Lambda, and nothing of ours.
            "PATH": f"{ROOT / '.venv-stack/bin'}:{os.environ['PATH']}",
        }
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                [ROOT / ".venv-stack/bin/python", ROOT / "local/cloud/gateway.py"],
                env=environment,
                cwd=self._folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._await(process)
            yield
        finally:
            # The functions' processes are its children and in its group.
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _await(self, process: subprocess.Popen[bytes]) -> None:
        opener = build_opener(ProxyHandler({}))
        limit = Limit(READY_SECONDS)
        while not limit.over() and process.poll() is None:
            try:
                with opener.open(f"{self.url}/_ministack/health", timeout=5):
                    return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError(f"MiniStack did not come up: {self.log.read_text()[-2000:]}")

    def _read(self, _account: str, _region: str, bucket: str, key: str, version: str | None = None) -> Stored | None:
        """What MiniStack's S3 holds, for the trust stores and domains of the embedded AWS."""
        which = {"VersionId": version} if version else {}
        try:
            found = self.client("s3").get_object(Bucket=bucket, Key=key, **which)
        except ClientError as error:
            if error.response["Error"]["Code"] in MISSING:
                return None
            raise
        return Stored(found["Body"].read(), found.get("VersionId"))


def checkout(folder: Path) -> Path:
    """Copy what is under version control, as it lies there now, into ``folder``: a clone with today's edits."""
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout
    for name in filter(None, names.decode().split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def _inherited() -> dict[str, str]:
    """This process's environment without what leads a function elsewhere, or lends it the project's packages."""
    led = ("AWS_", "PYTHON", "GENESYS_")
    proxies = {"http_proxy", "https_proxy", "all_proxy", "no_proxy"}
    bundles = {"SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"}
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(led) and name.lower() not in proxies and name not in bundles
    }


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
