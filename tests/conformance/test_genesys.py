"""``genesys-certs conformance genesys`` against the simulator: it reads, compares, and names nobody."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from genesys_certs import app
from genesys_certs.conformance.model import read_record
from local.genesys.answers import PERMISSION
from local.genesys.server import Simulator
from tests.conformance.embedded import GENESYS_REGION, simulated

ORGANISATION = "Clinic of St. Example"


@pytest.fixture
def simulator(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Simulator]:
    with simulated() as running:
        monkeypatch.setenv("GENESYS_CLIENT_SECRET", running.client_secret)
        monkeypatch.setenv("GENESYS_CA_FILE", str(running.ca_file))
        monkeypatch.chdir(tmp_path)
        yield running


def run(simulator: Simulator, *more: str) -> int:
    url = simulator.api_url(GENESYS_REGION)
    named = ["--genesys-region", GENESYS_REGION, "--client-id", simulator.client_id]
    return app.main(["conformance", "genesys", *named, "--api-url", url, "--login-url", url, *more])


def test_it_reads_only_finds_all_as_claimed_and_its_record_names_nobody(
    simulator: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(simulator) == 0
    assert "15 as claimed, 0 differ, 0 not asked" in capsys.readouterr().out
    assert {one.method for one in simulator.requests if "oauth" not in one.path} == {"GET"}
    (path,) = tmp_path.glob("genesys-*.json")
    text = path.read_text()
    record = read_record(text.encode())
    assert (record.service, record.region) == ("genesys", GENESYS_REGION)
    for secret in (simulator.client_id, simulator.client_secret, "127.0.0.1", "BEGIN", "contextId"):
        assert secret not in text
    assert "dataactions.prod.us-east-1.mypurecloud.com" in record.answers["genesys.leaf.genesys"].text, "the region's"


def test_what_disagrees_is_named_and_hostile_answers_name_nobody(
    simulator: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = {"entities": [], ORGANISATION: 1, "total": 0}
    simulator.play(GENESYS_REGION, "certificates", body=json.dumps(page))
    refusal = {
        "code": f"bad {ORGANISATION}!",
        "message": f"user somebody@clinic.example of {simulator.client_id} failed",
    }
    for _ in range(2):
        simulator.play(GENESYS_REGION, "certificates", status=400, body=json.dumps(refusal))
    assert run(simulator) == 1
    assert "differs   genesys.answer.shape: claimed taken" in capsys.readouterr().out
    (path,) = tmp_path.glob("genesys-*.json")
    text = path.read_text()
    for secret in (ORGANISATION, "Clinic", "somebody", "clinic.example", simulator.client_id):
        assert secret not in text.replace("bad <hidden>", ""), secret


def test_a_login_that_fails_and_a_missing_permission_are_said(
    simulator: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENESYS_CLIENT_SECRET", "wrong")
    assert run(simulator) == 3
    assert "The login failed: HTTP status 401." in capsys.readouterr().err
    assert [*tmp_path.glob("*.json")] == []
    monkeypatch.setenv("GENESYS_CLIENT_SECRET", simulator.client_secret)
    simulator.add_client(simulator.client_id, simulator.client_secret, permissions=())
    assert run(simulator) == 1
    assert PERMISSION not in capsys.readouterr().err


def test_what_to_read_has_to_be_said(simulator: Simulator) -> None:
    assert run(simulator, "--credentials", "arn:aws:ssm:us-east-1:123456789012:parameter/x") == 64
    assert app.main(["conformance", "genesys", "--client-id", "x"]) == 64
