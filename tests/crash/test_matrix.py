"""A function dies at a call, as a process does, and is run again. ``make soak`` tries every call of a whole script."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHANGING = {
    "collect": {
        "s3 PutObject alerts/ledger/…",
        "s3 PutObject alerts/log/….routine.json",
        "s3 PutObject sources/…/seen/….pem",
        "s3 PutObject sources/…/history.json",
        "sqs SendMessage",
    },
    "publish": {
        "s3 PutObject targets/…",  # whose turn it is for an update of API Gateway
        "s3 PutObject targets/…/record.json",
        "s3 PutObject targets/…/bundle.pem",
        "s3 PutObject alerts/ledger/…",
        "s3 PutObject alerts/log/….json",
        "s3 PutObject alerts/log/….routine.json",
        "s3 PutObject bundles/.added/…/….pem",
        "s3 PutObject bundles/.added/…/lists.json",
        "s3 PutObject bundles/.shown/….pem",
        "s3 PutObject targets/.pinned/….pem",
        "s3 PutObject bundles/…/wanted.pem",
        "s3 PutObject bundles/…/pins.json",
        "s3 PutObject bundles/…/manifest.json",
        "s3 PutObject bundles/…/identity.json",
        "s3 PutObject bundles/…/revocations.json",
        "s3 PutObject targets/…/revocations.json",
        "elbv2 AddTrustStoreRevocations",
        "elbv2 RemoveTrustStoreRevocations",
        "elbv2 ModifyTrustStore",
        "elbv2 AddTags",
        "apigateway UpdateDomainName",
        "sqs SendMessage",
        "sns Publish",
    },
    "refresh_crls": {
        "s3 PutObject crls/…/list.der",
        "s3 PutObject crls/…/list.pem",
        "s3 PutObject crls/…/index.bin",
        "s3 PutObject crls/…/manifest.json",
        "s3 PutObject crls/state.json",
        "s3 PutObject alerts/ledger/…",
        "s3 PutObject alerts/log/….json",
        "sqs SendMessage",
        "sns Publish",
    },
    "slack": {"slack post"},
}
"""Every kind of call that changes something: one that is new must be tried as well."""
_ROW = re.compile(r"^(collect|publish|refresh_crls|slack) +(.*?) {2,}([-\d/]+) +([-\d/]+)", re.MULTILINE)


@pytest.mark.parametrize("part", [0, 1], ids=["before", "after"])
def test_a_function_that_dies_at_a_call_and_runs_again_ends_as_if_nothing_had_happened(part: int) -> None:
    # A process of its own, with one thread: only such a one can be copied by fork.
    command = [sys.executable, "-m", "tests.crash", "--small", "--shard", f"{part + 1}/2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    print(done.stdout)  # noqa: T201 - the matrix, for whoever asks for it with -rP
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    assert " 0 red" in done.stdout
    rows = {(function, call): (before, after)[part] for function, call, before, after in _ROW.findall(done.stdout)}
    changing = {key: cell for key, cell in rows.items() if "Get" not in key[1]}
    assert changing == {(function, call): "1/1" for function, calls in CHANGING.items() for call in calls}
