"""``pins-to-file``: what a proxy is given of ``pins.json``. The servers themselves: ``tests/engines/test_doors.py``."""

import json
import resource
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from genesys_certs import app, pins_to_file
from rotation_watcher.bundles.pins import Pin, Pins
from rotation_watcher.errors import RequestRefused
from tests.unit.bundles.test_cloudfront_pins import NOW, pin

HOUR = timedelta(hours=1)
replace = msgspec.structs.replace


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "pins"


def written(output: Path, *pins: Pin, form: str = "list", trusted_ca: str = "/ca.pem", now: datetime = NOW) -> int:
    done = pins_to_file.run(Pins(bundle="main", pins=pins), form, trusted_ca, output, now)
    pins_to_file.tell(done, as_json=False)
    return 0 if done.leaves else 1


def test_each_leaf_is_written_once_in_lower_case_hex(output: Path) -> None:
    assert written(output, pin(0xB), pin(0xA), pin(0xA, source="euc1")) == 0
    assert output.read_text() == f"{0xA:064x}\n{0xB:064x}\n"
    assert written(output, pin(0xA), form="envoy") == 0
    (secret,) = json.loads(output.read_text())["resources"]
    assert secret["validation_context"] == {
        "trusted_ca": {"filename": "/ca.pem"},
        "verify_certificate_hash": [f"{0xA:064x}"],
    }


def test_a_leaf_whose_grace_or_validity_is_over_is_left_out(output: Path) -> None:
    assert written(output, pin(1), pin(2, until=NOW), pin(3, not_after=NOW), pin(4, until=NOW + HOUR)) == 0
    assert output.read_text() == f"{1:064x}\n{4:064x}\n"


@pytest.mark.parametrize("form", [*pins_to_file.FORMS])
def test_without_a_leaf_the_file_names_one_that_is_nobodys_and_the_command_says_so(
    form: str, output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert written(output, pin(1, until=NOW), form=form) == 1
    assert pins_to_file.NOBODY in output.read_text()
    assert f"{1:064x}" not in output.read_text()
    assert "refuses everybody" in capsys.readouterr().out


@pytest.mark.parametrize("odd", ["", "A" * 64, "a" * 63, f"{'a' * 64}\n{'b' * 64}", "# x", f"{'a' * 64}\n"])
@pytest.mark.parametrize("form", [*pins_to_file.FORMS])
def test_what_is_no_sha_256_is_refused_and_the_file_stays(odd: str, form: str, output: Path) -> None:
    output.write_text("before")
    good = pin(1)
    bad = replace(good, certificate=replace(good.certificate, fingerprint=odd))
    with pytest.raises(RequestRefused, match="no SHA-256"):
        written(output, good, bad, form=form)
    assert output.read_text() == "before"


def test_what_says_the_same_is_not_touched(output: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert written(output, pin(1)) == 0
    before = output.stat()
    assert written(output, pin(1), now=NOW + HOUR) == 0
    assert (output.stat().st_ino, output.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()[1::2]] == ["written", "unchanged"]


def test_a_new_file_is_moved_over_the_old_one_for_every_user_to_read(output: Path) -> None:
    assert written(output, pin(1)) == 0
    with output.open() as reading:
        assert written(output, pin(2)) == 0
        assert reading.read() == f"{1:064x}\n"
    assert output.stat().st_mode & 0o777 == 0o644
    assert [*output.parent.iterdir()] == [output]


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file of this process may grow beyond ten bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.usefixtures("full_disk")
def test_what_cannot_be_written_whole_is_refused_and_leaves_nothing_behind(output: Path) -> None:
    output.write_text("before")
    with pytest.raises(RequestRefused, match="cannot be written"):
        written(output, pin(1))
    assert output.read_text() == "before"
    assert [*output.parent.iterdir()] == [output]


def test_a_damaged_file_is_replaced(output: Path) -> None:
    output.write_bytes(b"\xff\xfe")
    assert written(output, pin(1)) == 0
    assert output.read_text() == f"{1:064x}\n"


def test_a_place_that_is_no_file_is_refused(output: Path) -> None:
    output.mkdir()
    with pytest.raises(RequestRefused, match="cannot be written"):
        written(output, pin(1))


def test_envoy_needs_its_truststore(output: Path) -> None:
    with pytest.raises(RequestRefused, match="--trusted-ca"):
        written(output, pin(1), form="envoy", trusted_ca="")
    assert not output.exists()


def test_a_file_that_is_no_pins_is_code_3_and_no_traceback(output: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output.write_text("before")
    given = output.with_name("pins.json")
    for text in ("", "{", '{"format": 99, "bundle": "main", "pins": []}'):
        given.write_text(text)
        assert app.main(["pins-to-file", "--pins", str(given), "--form", "list", "--output", str(output)]) == 3
        assert 1 <= capsys.readouterr().err.count("\n") <= 2
    assert output.read_text() == "before"


def test_the_command_goes_by_the_clock(output: Path) -> None:
    now = datetime.now(UTC)
    given = output.with_name("pins.json")
    pins = Pins(bundle="main", pins=(pin(1, not_after=now + HOUR), pin(2, not_after=now - HOUR)))
    given.write_bytes(msgspec.json.encode(pins))
    assert app.main(["pins-to-file", "--pins", str(given), "--form", "list", "--output", str(output)]) == 0
    assert output.read_text() == f"{1:064x}\n"
