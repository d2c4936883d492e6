"""A built function under AWS's own runtime emulator, as near to Lambda as a machine without containers comes.

``aws-lambda-rie`` (it ships inside the SAM CLI) plays the Lambda service; ``awslambdaric``, the runtime interface
client of AWS's images, runs the handler in ``.venv-stack``'s interpreter, which has boto3, as the managed runtime has,
and nothing of this project. What the handler imports otherwise comes from the built layers.
"""

import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from local.building import MACHINE, ROOT
from local.patience import Limit, seconds

LAYERS = ("DependenciesLayer", "WatcherLayer")
PYTHON = ROOT / ".venv-stack" / "bin" / "python"
_RIE = ROOT / ".venv-sam/lib/python3.13/site-packages/samcli/local/rapid" / f"aws-lambda-rie-{MACHINE}"
_PATH = "/2015-03-31/functions/function/invocations"


class Answer(NamedTuple):
    """What the caller of a function gets. ``size`` in bytes; ``error`` the type of a function error, or None."""

    payload: Any
    size: int
    error: str | None


class LambdaFunction:
    """One container of a function, as a context manager; ``Answer`` comes from ``invoke``, one call at a time.

    ``build`` is a folder of ``local.building.built``; ``environment`` what the template gives the function, and the way
    to the AWS in use; ``timeout`` in seconds; ``memory`` in MB is only reported to the function, not enforced.
    """

    def __init__(
        self, build: Path, name: str, environment: Mapping[str, str], *, timeout: int, memory: int = 512
    ) -> None:
        self._build, self.name = build, name
        self._environment = dict(environment)
        self._timeout, self._memory = timeout, memory

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="lambda-")
        self._log = Path(self._folder.name, "log")
        listen, runtime = _free_port(), _free_port()
        self._url = f"http://127.0.0.1:{listen}{_PATH}"
        command: list[str | Path] = [_RIE, "--runtime-interface-emulator-address", f"127.0.0.1:{listen}"]
        command += ["--runtime-api-address", f"127.0.0.1:{runtime}", PYTHON, "-m", "awslambdaric", "app.handler"]
        layers = [str(self._build / layer / "python") for layer in LAYERS]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self._build / self.name,
                env={
                    "PATH": os.environ["PATH"],
                    "LANG": "C.UTF-8",
                    "PYTHONPATH": os.pathsep.join(layers),
                    "PYTHONDONTWRITEBYTECODE": "1",
                    "LAMBDA_TASK_ROOT": str(self._build / self.name),
                    "AWS_LAMBDA_FUNCTION_NAME": self.name,
                    "AWS_LAMBDA_FUNCTION_TIMEOUT": str(self._timeout),
                    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self._memory),
                    **self._environment,
                },
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        _await_port(listen, self._process)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)  # the emulator and the runtime it started
        self._process.wait()
        self._folder.cleanup()

    def invoke(self, event: Any, *, patience: float = 60.0) -> Answer:
        """Call the function and wait for its answer. Raises OSError if none comes in time.

        ``patience``: seconds of a quiet machine.
        """
        request = Request(self._url, json.dumps(event).encode(), {"Content-Type": "application/json"})  # noqa: S310 - http
        try:
            with build_opener(ProxyHandler({})).open(request, timeout=seconds(patience)) as answer:
                body = answer.read()
        except HTTPError as refused:
            body = refused.read()
        try:
            payload = json.loads(body)
        except ValueError:
            payload = body.decode()  # the emulator's own words, such as those of a timeout
        if isinstance(payload, str):
            return Answer(payload, len(body), payload or "no answer")
        failed = payload.get("errorType") if isinstance(payload, dict) else None
        return Answer(payload, len(body), failed)

    def logs(self) -> str:
        """Everything that the emulator and the function have written so far."""
        return self._log.read_text()

    def runtime_pid(self) -> int:
        """The process that runs the handler now. Raises LookupError if there is none."""
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                pid, _, rest = status.read_text().partition(" ")
            except OSError:
                continue  # it ended meanwhile
            parent = int(rest.rpartition(")")[2].split()[1])
            if parent == self._process.pid:
                return int(pid)
        raise LookupError(f"{self.name} has no runtime process")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    limit = Limit(20)
    while not limit.over() and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError("the runtime emulator did not come up")
