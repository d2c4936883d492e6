"""What a quarantine advises: first the root that probably changed, then the approval, which covers what was seen."""

import json
import subprocess
from pathlib import Path

import msgspec
import pytest

from rotation_watcher.alerts import builders
from rotation_watcher.alerts.model import Alert
from rotation_watcher.alerts.stamping import stamped
from rotation_watcher.keys import Place
from rotation_watcher.trust.approvals import APPROVABLE
from rotation_watcher.trust.digicert import FINGERPRINTS
from rotation_watcher.trust.findings import Finding, Reason
from rotation_watcher.x509.facts import CertificateFacts
from tests.support import certs
from tests.support.alert_examples import (
    BUCKET,
    DELIVERED,
    ELSEWHERE,
    EXAMPLES,
    NEW_ROOT,
    NOW,
    PARTNER,
    REGIONAL,
    SINCE,
    SOURCE,
    STACK,
    TLS_ROOT,
)


def quarantined(
    *codes: str,
    authority: str = "Genesys",
    root: CertificateFacts | None = PARTNER,
    approvable: bool = True,
    accepted_before: bool = True,
) -> Alert:
    """Give an alert about REGIONAL, as it leaves."""
    alert = builders.quarantined(
        source=SOURCE,
        authority=authority,
        status="current",
        entity=REGIONAL.fingerprint,
        leaf=REGIONAL,
        root=root,
        reasons=[Finding(code, "words") for code in codes],
        approvable=approvable,
        accepted_before=accepted_before,
        anchors=Place(BUCKET, "anchors/of this region.pem"),
        since=SINCE,
        now=NOW,
    )
    return stamped(alert, STACK)


def parts(alert: Alert) -> tuple[str, list[str]]:
    """Give the sentences and the commands."""
    sentences, *commands = alert.what_to_do.split("\n")
    return sentences, commands


def test_an_unknown_root_is_most_likely_a_new_one_of_the_region_and_is_named() -> None:
    sentences, (add, approve) = parts(quarantined("chain-untrusted"))
    assert sentences.startswith("Has your region's root changed? Download the region's zip again")
    assert f"Only if it holds the root with the SHA-256 {PARTNER.fingerprint}" in sentences
    assert add.count(f"'s3://{BUCKET}/anchors/of this region.pem'") == 2
    assert f"approvals/{REGIONAL.fingerprint}.json" in approve
    assert "No approval" not in sentences


def test_the_root_of_a_leaf_alone_is_named_by_what_issued_it() -> None:
    sentences, (add, approve) = parts(quarantined("chain-untrusted", root=None))
    assert f"Only if it holds a root named {NEW_ROOT}, or the root of an intermediate of that name," in sentences
    assert "grep" not in add
    assert f"s3://{BUCKET}/approvals/{REGIONAL.fingerprint}.pem --region us-east-1 && " in approve


@pytest.mark.parametrize("root", [PARTNER, None], ids=["with its root", "alone"])
def test_on_day_one_the_root_that_was_uploaded_is_probably_wrong_and_is_replaced(root: CertificateFacts | None) -> None:
    sentences, (replace, approve) = parts(quarantined("chain-untrusted", root=root, accepted_before=False))
    assert sentences.startswith("No certificate was ever accepted here, so anchors/of this region.pem probably holds")
    assert "Download the zip of us-east-1 again" in sentences
    assert replace.endswith(f"aws s3 cp root.pem 's3://{BUCKET}/anchors/of this region.pem' --region us-east-1")
    assert ("grep -i " + PARTNER.fingerprint in replace) == (root is not None)
    assert ">>" not in replace
    assert "/approvals/" in approve


def test_a_root_that_the_operator_s_own_list_of_digicert_s_lacks_is_added_to_that_list() -> None:
    """Who uploads a new root alone takes the built-in list out, and with it the root of the leaf in use."""
    known = msgspec.structs.replace(PARTNER, fingerprint=FINGERPRINTS["DigiCert Assured ID Root G2"])
    sentences, (add, approve) = parts(quarantined("chain-untrusted", authority="DigiCert", root=known))
    assert sentences.startswith("This release knows the root above it, but anchors/of this region.pem, which replaces")
    assert len(sentences) <= 420
    assert add.startswith(
        "openssl x509 -noout -fingerprint -sha256 -in root.pem | tr -d : | grep -i " + known.fingerprint
    )
    assert add.count(f"'s3://{BUCKET}/anchors/of this region.pem'") == 2
    assert ">> anchors.pem" in add
    assert "/approvals/" in approve
    sentences, (replace, _) = parts(quarantined("chain-untrusted", authority="DigiCert"))
    assert "is not among the DigiCert roots that this release knows" in sentences
    assert "together with the roots you still need" in sentences
    assert ">>" not in replace


REMEDIES = {
    Reason.MALFORMED: "what the API gives is no sound certificate",
    Reason.NO_LEAF: "gives no client certificate",
    Reason.SEVERAL_LEAVES: "say which one",
    Reason.LEAF_IS_CA: "Do not add it to your roots",
    Reason.UNKNOWN_AUTHORITY: "Deploy the newest release",
    Reason.ANCHOR_MISSING: "Download the zip of your region",
    Reason.CHAIN_UNTRUSTED: "Has your region's root changed?",
    Reason.NO_CLIENT_AUTH: "not made for clients",
    Reason.NAME_MISMATCH: "set client_name",
    Reason.NO_NAME: "without a name",
    Reason.NAME_UNCERTAIN: "which name the client of your region bears",
    Reason.WEAK_KEY: "RSA keys of 2048 to 8192 bits",
    Reason.WEAK_SIGNATURE: "SHA-256, SHA-384 and SHA-512 only",
    Reason.EXPIRED: "Open an urgent case",
}


@pytest.mark.parametrize("reason", Reason)
def test_each_reason_has_its_own_remedy_and_no_other(reason: Reason) -> None:
    liftable = reason in APPROVABLE
    sentences, commands = parts(quarantined(reason, approvable=liftable))
    assert [one for one, words in REMEDIES.items() if words in sentences] == [reason]
    assert len(sentences) <= (640 if len(commands) > 1 else 420)
    many = {Reason.CHAIN_UNTRUSTED: 2}
    assert len(commands) == (many.get(reason, 1) if liftable else 0)
    assert sentences.endswith(":" if len(commands) == 1 else ".")


def test_what_no_approval_lifts_decides_what_is_to_be_done() -> None:
    sentences, commands = parts(quarantined("chain-untrusted", "name-mismatch", "weak-key", approvable=False))
    assert "RSA keys" in sentences
    assert commands == []
    sentences, commands = parts(quarantined("name-mismatch", "chain-untrusted"))
    assert sentences.startswith("Has your region's root changed?")
    sentences, commands = parts(quarantined("name-mismatch", "anchor-missing"))
    assert commands == [f"aws s3 cp root.pem 's3://{BUCKET}/anchors/of this region.pem' --region us-east-1"]
    sentences, _ = parts(quarantined("anchor-missing", authority="DigiCert"))
    assert "DigiCert's roots for clients" in sentences


def test_a_reason_that_a_newer_release_found_still_gets_advice() -> None:
    sentences, _ = parts(quarantined("something-new", approvable=False))
    assert sentences.startswith("Open a case with Genesys support")


def test_a_digicert_root_is_compared_with_digicerts_own_list() -> None:
    sentences, (replace, _) = parts(DELIVERED["quarantined"])
    assert sentences.startswith(
        "The root above this certificate is not among the DigiCert roots that this release knows (those for clients,"
        " and those without a purpose in their name). Compare its SHA-256 with DigiCert's own list of roots; only if it"
        " is there, write it together with the roots you still need to anchors/digicert.pem, which replaces the"
        " built-in list"
    )
    assert replace == f"aws s3 cp digicert.pem s3://{BUCKET}/anchors/digicert.pem --region us-east-1"
    alone, _ = parts(quarantined("chain-untrusted", authority="DigiCert", root=None))
    assert f"the issuer is {NEW_ROOT}" in alone


def test_the_root_is_described_with_its_validity() -> None:
    for alert in (DELIVERED["quarantined"], EXAMPLES["approved"]):
        assert alert.facts["root SHA-256"] == TLS_ROOT.fingerprint
        assert alert.facts["root subject"] == TLS_ROOT.subject
        assert "5400 days left" in alert.facts["root valid until"]
    assert TLS_ROOT.subject in EXAMPLES["approved"].what_it_means


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
    here = (
        add.replace("aws s3 cp", "cp")
        .replace(" --region us-east-1", "")
        .replace(f"'s3://{BUCKET}/anchors/of this region.pem'", "held.pem")
    )
    done = subprocess.run(["bash", "-c", here], cwd=tmp_path, capture_output=True, check=False)
    held = (tmp_path / "held.pem").read_bytes()
    assert (done.returncode == 0) == right
    assert (root.pem in held) == right
    assert old.pem.rstrip() in held
