"""The middleware: the cases of the decision through WSGI and ASGI, and what it needs to run elsewhere."""

import asyncio
import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from doors.middleware import genesys_door
from doors.middleware.genesys_door import AGAIN, EVERY, HEADER, LIMIT, MAX_HEADER, Guard
from tests.support import doors
from tests.support.doors import Case, cases, policy_bytes, presented
from tests.support.pki import NOW

ROOT = Path(__file__).parents[3]
LAYER = ROOT / "layers/rotation_watcher"


class Time:
    """A clock that a test moves, in seconds."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return NOW


def guard(policy: str = "strict", *, region: str | None = None, source: Callable[[], bytes] | None = None) -> Guard:
    time = Time()
    read = source or (lambda: policy_bytes(policy))
    return Guard(read, region=region, revoked=doors.revoked(), clock=time.now, elapsed=time)


def header(leaf: str, times: int = 1) -> str:
    """As an ALB writes it."""
    text = presented(leaf)
    for _ in range(times):
        text = quote(text, safe="+=/")
    return text


def by_wsgi(guarded: Guard, values: Iterable[str]) -> tuple[int, dict[str, Any]]:
    """The status, and what is told: the body of a refusal, or what the application sees."""
    seen: list[str] = []

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", [])
        return [json.dumps(environ["genesys.identity"]).encode()]

    environ = {f"HTTP_{HEADER.upper().replace('-', '_')}": value for value in [",".join(values)] if value}
    body = genesys_door.wsgi(application, guarded)(environ, lambda status, _headers: seen.append(status))
    return int(seen[0][:3]), json.loads(b"".join(body))


def finished(work: Awaitable[None]) -> None:
    async def run() -> None:
        await work

    asyncio.run(run())


def by_asgi(guarded: Guard, values: Iterable[str]) -> tuple[int, dict[str, Any]]:
    sent: list[Any] = []

    async def application(scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(scope["genesys.identity"]).encode()})

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(HEADER.lower().encode(), value.encode()) for value in values if value]
    scope = {"type": "http", "headers": headers}
    finished(genesys_door.asgi(application, guarded)(scope, receive, send))
    return sent[0]["status"], json.loads(sent[1]["body"])


BOTH = pytest.mark.parametrize("through", [by_wsgi, by_asgi], ids=["wsgi", "asgi"])


@BOTH
@pytest.mark.parametrize("case", cases("middleware"), ids=lambda case: case.name)
def test_what_is_presented_gets_its_reason(case: Case, through: Callable[..., tuple[int, dict[str, Any]]]) -> None:
    status, told = through(guard(case.policy, region=case.region), [header(case.leaf, case.encoded)])
    assert (status, told["reason"]) == (200 if case.allowed else 403, case.reason)
    assert status == 200 or told == {"error": "forbidden", "reason": case.reason}


@BOTH
def test_two_values_are_refused_although_one_is_good(through: Callable[..., tuple[int, dict[str, Any]]]) -> None:
    status, told = through(guard(), [header("genesys"), header("genesys")])
    assert (status, told["reason"]) == (403, "two-certificates")


@BOTH
@pytest.mark.parametrize("value", ["%", "%zz", "%ff%fe", "-" * (MAX_HEADER + 1), " ", "%0d%0aX-Evil:%201"])
def test_no_header_is_worse_than_refused(value: str, through: Callable[..., tuple[int, dict[str, Any]]]) -> None:
    status, told = through(guard(), [value])
    assert (status, told["reason"]) == (403, "no-certificate" if value == " " else "unreadable")


def test_a_plus_stands_for_itself() -> None:
    leaf = next(one for one in doors.leaves() if "+" in presented(one) and one in {"genesys", "renewed", "digicert"})
    assert by_wsgi(guard(), [header(leaf)])[0] == 200
    assert by_wsgi(guard(), [quote(presented(leaf), safe="")])[0] == 200


def test_what_the_source_raises_leaves_the_last_good_policy_for_a_day() -> None:
    time, answers = Time(), [policy_bytes()]
    guarded = Guard(lambda: answers.pop() if answers else 1 / 0, clock=time.now, elapsed=time)  # type: ignore[arg-type, return-value]
    assert guarded.decide([header("genesys")]).allowed
    time.seconds = LIMIT
    assert guarded.decide([header("genesys")]).allowed
    time.seconds += 1
    assert guarded.decide([header("genesys")]).reason == "policy-too-old"
    answers.append(policy_bytes())
    time.seconds += EVERY
    assert guarded.decide([header("genesys")]).allowed


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    found = [(one.levelname, one.getMessage()) for one in caplog.records if one.name == "genesys_door"]
    caplog.clear()
    return found


@pytest.mark.parametrize(
    ("bad", "cause"),
    [(None, "FileNotFoundError"), (b"{", "it is no such file"), (policy_bytes("newer"), "it is of format 2")],
    ids=["missing", "damaged", "newer"],
)
def test_a_policy_that_cannot_be_read_is_told_once_and_then_every_hour_whatever_comes(
    bad: bytes | None, cause: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    time, place = Time(), tmp_path / "identity.json"
    place.write_bytes(policy_bytes())
    guarded = Guard(place, clock=time.now, elapsed=time)
    assert guarded.decide([header("genesys")]).allowed
    assert said(caplog) == []
    place.unlink() if bad is None else place.write_bytes(bad)
    lines = []
    while time.seconds < AGAIN:
        time.seconds += EVERY / 2
        assert guarded.decide([header("genesys")]).allowed
        lines += said(caplog)
    ((level, line),) = lines
    assert level == "ERROR"
    for word in (str(place), cause, "for 24.0 more hours", "bundles/<id>/identity.json", "run publish"):
        assert word in line
    time.seconds += EVERY
    guarded.decide([header("genesys")])
    ((level, line),) = said(caplog)
    assert "for 23.0 more hours" in line
    place.write_bytes(policy_bytes())
    for _ in range(3):
        time.seconds += EVERY
        assert guarded.decide([header("genesys")]).allowed
    ((level, line),) = said(caplog)
    assert (level, str(place) in line, "can be read again" in line) == ("WARNING", True, True)


def test_it_is_told_at_once_that_the_day_is_over_and_that_nobody_is_let_in(caplog: pytest.LogCaptureFixture) -> None:
    time, answers = Time(), [policy_bytes()]

    def source() -> bytes:
        if answers:
            return answers.pop()
        raise OSError("the bucket\nis gone")

    guarded = Guard(source, name="s3://bucket/bundles/main/identity.json", clock=time.now, elapsed=time)
    guarded.decide([header("genesys")])
    time.seconds = AGAIN / 2  # nobody came meanwhile
    lines = []
    while time.seconds < LIMIT + AGAIN / 2:
        guarded.decide([header("genesys")])
        lines += [line for _, line in said(caplog)]
        time.seconds += EVERY
    assert len(lines) == LIMIT / AGAIN + 1
    assert ["nobody is let in" in line for line in lines] == [False] * (len(lines) - 1) + [True]
    assert all(
        "s3://bucket/bundles/main/identity.json cannot be read (OSError: the bucket is gone)" in x for x in lines
    )


def test_a_door_that_never_had_a_policy_says_so_once_in_a_flood(caplog: pytest.LogCaptureFixture) -> None:
    guarded = guard(source=lambda: b"")
    for _ in range(200):
        assert guarded.decide([header("genesys")]).reason == "policy-unreadable"
    ((_, line),) = said(caplog)
    assert "nobody is let in" in line


def test_a_log_that_fails_stops_no_request() -> None:
    class Full(logging.Handler):
        def emit(self, _record: logging.LogRecord) -> None:
            raise OSError("no space left")

    handler = Full()
    genesys_door.log.addHandler(handler)
    try:
        assert guard(source=lambda: b"").decide([header("genesys")]).reason == "policy-unreadable"
    finally:
        genesys_door.log.removeHandler(handler)


def test_a_file_is_read_again_every_minute(tmp_path: Path) -> None:
    time, place = Time(), tmp_path / "identity.json"
    guarded = Guard(place, clock=time.now, elapsed=time)
    assert guarded.decide([header("genesys")]).reason == "policy-unreadable"
    place.write_bytes(policy_bytes())
    time.seconds = EVERY - 1
    assert guarded.decide([header("genesys")]).reason == "policy-unreadable"
    time.seconds = EVERY
    assert guarded.decide([header("genesys")]).allowed
    place.write_bytes(policy_bytes("empty"))
    time.seconds = 2 * EVERY
    assert not guarded.decide([header("genesys")]).allowed


def test_a_websocket_is_closed_and_lifespan_passes() -> None:
    sent: list[Any] = []
    reached: list[str] = []

    async def application(scope: Any, _receive: Any, _send: Any) -> None:
        reached.append(scope["type"])

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    guarded = genesys_door.asgi(application, guard())
    finished(guarded({"type": "websocket", "headers": []}, receive, send))
    finished(guarded({"type": "lifespan"}, receive, send))
    assert reached == ["lifespan"]
    assert sent == [{"type": "websocket.close", "code": 1008, "reason": "no-certificate"}]


def test_the_files_that_the_readme_names_are_enough_with_cryptography_alone(tmp_path: Path) -> None:
    readme = (ROOT / "doors/middleware/README.md").read_text()
    named = ["__init__.py", *(f"identity/{one}.py" for one in ("__init__", "policy", "decision"))]
    named += [f"x509/{one}.py" for one in ("__init__", "engine_rules", "names", "signatures")]
    for one in named:
        assert f"rotation_watcher/{one}" in readme
        (tmp_path / "rotation_watcher" / one).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(LAYER / "rotation_watcher" / one, tmp_path / "rotation_watcher" / one)
    shutil.copy(ROOT / "doors/middleware/genesys_door.py", tmp_path)
    (tmp_path / "identity.json").write_bytes(policy_bytes())
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import genesys_door as door\n"
        "guard = door.Guard(sys.argv[1] + '/identity.json')\n"
        "print(guard.decide([]).reason)\n"
        "print(sorted({name.split('.')[0] for name, m in sys.modules.items()"
        " if 'site-packages' in (getattr(m, '__file__', None) or '')}))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-s", "-c", code, tmp_path], capture_output=True, text=True, check=False, env={}
    )
    assert done.stderr == ""
    reason, modules = done.stdout.splitlines()
    assert reason == "no-certificate"
    assert {*json.loads(modules.replace("'", '"'))} <= {"cryptography", "_cffi_backend", "cffi", "_distutils_hack"}
