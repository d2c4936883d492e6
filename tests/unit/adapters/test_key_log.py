"""Whoever may set a variable of a function may not have the keys of its TLS connections written down."""

import os
from pathlib import Path

import pytest

from rotation_watcher import bootstrap
from rotation_watcher.adapters import clients, genesys
from rotation_watcher.adapters.connections import Connections

SETTINGS = {"BUCKET": "b", "TOPIC_ARN": "arn:t", "PUBLISH_QUEUE_URL": "https://q", "AWS_REGION": "us-east-1"}


def test_no_client_of_the_functions_logs_tls_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    genesys._context.cache_clear()

    bootstrap.build(environment=SETTINGS)
    genesys.make_client()
    Connections().http().close()
    clients.make("s3", region="us-east-1")

    assert "SSLKEYLOGFILE" not in os.environ
    assert not (tmp_path / "keys").exists()
