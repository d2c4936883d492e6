"""What a quarantine advises: first the root that probably changed, then the approval, which covers what was seen."""

import json
import subprocess
from pathlib import Path

import msgspec
import pytest

from rotation_watcher.alerts import builders
from rotation_watcher.alerts.model import Alert
from rotation_watcher.keys import Place
from rotation_watcher.trust.findings import Finding
from rotation_watcher.x509.facts import CertificateFacts
from tests.support import certs
from tests.support.alert_examples import BUCKET, ELSEWHERE, EXAMPLES, NEW_ROOT, NOW, PARTNER, REGIONAL, SINCE, SOURCE


def quarantined(*codes: str, authority: str = "Genesys", root: CertificateFacts | None = PARTNER) -> Alert:
    """Give an alert about REGIONAL."""
    return builders.quarantined(
        source=SOURCE,
        authority=authority,
        status="current",
        entity=REGIONAL.fingerprint,
        leaf=REGIONAL,
        root=root,
        reasons=[Finding(code, "words") for code in codes],
        approvable=True,
        anchors=Place(BUCKET, "anchors/of this region.pem"),
        since=SINCE,
        now=NOW,
    )


def parts(alert: Alert) -> tuple[str, list[str]]:
    """Give the sentences and the commands."""
    sentences, *commands = alert.what_to_do.split("\n")
    return sentences, commands


def test_an_unknown_root_is_most_likely_a_new_one_of_the_region_and_is_named() -> None:
    sentences, (add, approve) = parts(quarantined("chain-untrusted"))
    assert sentences.startswith("Most likely the root of this region changed. Download the region's zip again")
    assert f"Only if it holds the root with the SHA-256 {PARTNER.fingerprint}" in sentences
    assert add.count(f"'s3://{BUCKET}/anchors/of this region.pem'") == 2
    assert f"approvals/{REGIONAL.fingerprint}.json" in approve
    assert "No approval" not in sentences


def test_the_root_of_a_leaf_alone_is_named_by_what_issued_it() -> None:
    sentences, (add, approve) = parts(quarantined("chain-untrusted", root=None))
    assert f"Only if it holds a root named {NEW_ROOT}, or the root of an intermediate of that name," in sentences
    assert "grep" not in add
    assert f"s3://{BUCKET}/approvals/{REGIONAL.fingerprint}.pem && " in approve


def test_a_digicert_root_is_compared_with_digicerts_own_list() -> None:
    sentences, (replace, _) = parts(EXAMPLES["quarantined"])
    assert sentences.startswith(
        "The root above this certificate is not among the DigiCert roots that this release knows (those for clients,"
        " and those without a purpose in their name). Compare its SHA-256 with DigiCert's own list of roots; only if it"
        " is there, write it together with the roots you still need to anchors/digicert.pem, which replaces the"
        " built-in list"
    )
    assert replace == f"aws s3 cp digicert.pem s3://{BUCKET}/anchors/digicert.pem"
    alone, _ = parts(quarantined("chain-untrusted", authority="DigiCert", root=None))
    assert f"the issuer is {NEW_ROOT}" in alone


def test_the_root_is_described_with_its_validity() -> None:
    for alert in (EXAMPLES["quarantined"], EXAMPLES["approved"]):
        assert alert.facts["root SHA-256"] == PARTNER.fingerprint
        assert alert.facts["root subject"] == PARTNER.subject
        assert "900 days left" in alert.facts["root valid until"]
    assert PARTNER.subject in EXAMPLES["approved"].what_it_means


def test_where_the_chain_is_good_there_is_one_command_and_it_covers_what_was_found() -> None:
    _, (approve,) = parts(quarantined("name-mismatch", "approval-insufficient", root=None))
    echo, _, _ = approve.partition(" | ")
    written = json.loads(subprocess.run(["sh", "-c", echo], capture_output=True, check=True).stdout)
    assert (written["reasons"], "root" in written) == (["name-mismatch"], False)


def test_two_roots_at_one_time_are_two_alerts() -> None:
    one, other = quarantined("chain-untrusted"), quarantined("chain-untrusted", root=ELSEWHERE)
    assert len({one.id, other.id, quarantined("chain-untrusted", root=None).id}) == 3


@pytest.mark.parametrize("right", [True, False])
def test_the_command_adds_a_root_only_if_it_is_the_one_that_is_named(tmp_path: Path, *, right: bool) -> None:
    """Its ``aws s3 cp`` is the shell's ``cp`` here; tests/integration types it as it stands."""
    root, old = certs.self_signed_ca("New"), certs.self_signed_ca("Old")
    (tmp_path / "root.pem").write_bytes((root if right else certs.self_signed_ca("New")).pem)
    (tmp_path / "held.pem").write_bytes(old.pem.rstrip())
    facts = msgspec.structs.replace(PARTNER, fingerprint=root.fingerprint)
    _, (add, _) = parts(quarantined("chain-untrusted", root=facts))
    here = add.replace("aws s3 cp", "cp").replace(f"'s3://{BUCKET}/anchors/of this region.pem'", "held.pem")
    done = subprocess.run(["bash", "-c", here], cwd=tmp_path, capture_output=True, check=False)
    held = (tmp_path / "held.pem").read_bytes()
    assert (done.returncode == 0) == right
    assert (root.pem in held) == right
    assert old.pem.rstrip() in held
