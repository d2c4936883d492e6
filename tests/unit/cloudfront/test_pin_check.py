"""The connection function, in JavaScript engines, against the connections of ``pin_cases.toml``."""

import base64
import hashlib
import json
import re
import shutil
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cloudfront.runtime import IMPORT, SOURCE, Given, Heard, in_node, in_quickjs

HERE = Path(__file__).parent
CASES: dict[str, dict[str, Any]] = tomllib.loads((HERE / "pin_cases.toml").read_text())
MUTATIONS: list[dict[str, str]] = tomllib.loads((HERE / "mutations.toml").read_text())["mutation"]
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
LEAF, OTHER = (hashlib.sha256(each).hexdigest() for each in (b"leaf 0", b"another"))
"""The digest of ``leaf 0`` has both letters in base64url that base64 does not have."""
LARGEST = 10 * 1024
"""Bytes; the quota of a connection function."""
FORMS = {
    "upper": LEAF.upper(),
    "colons": bytes.fromhex(LEAF).hex(":").upper(),
    "base64url": base64.urlsafe_b64encode(bytes.fromhex(LEAF)).decode(),
    "base64": base64.b64encode(bytes.fromhex(LEAF)).decode().rstrip("="),
}
# Runtime 2.0 knows the statements and operators of ES 5.1, and of later ones const, let, async, await, template
# literals and arrow functions.
UNKNOWN_TO_THE_RUNTIME = (
    r"\?\.",
    r"\?\?",
    r"\.\.\.",
    r"\bclass\b",
    r"\bof\b",
    r"catch \{",
    r"\bimport\(",
    r"\bfunction\*",
)


def given(case: dict[str, Any]) -> Given:
    leaf = {"sha256Fingerprint": case.get("fingerprint", FORMS.get(case.get("form", ""), LEAF))}
    standard = {"clientCertificate": {"certificates": {"leaf": leaf}}, "clientIp": "127.0.0.1"}
    text = json.dumps(case.get("connection", standard)).replace("LEAF", LEAF).replace("OTHER", OTHER)
    connection = json.loads(text)
    if "ocsp" in case:
        connection["clientCertificate"]["revocationStatus"] = case["ocsp"]
    store = {OTHER[::-1]: "a key of somebody else"} | ({LEAF: case["value"]} if "value" in case else {})
    return Given(connection, store, NOW, case.get("broken", ""))


def source(case: dict[str, Any]) -> str:
    text = SOURCE.read_text()
    assert text.count("const SOURCES = [];") == 1
    return text.replace("const SOURCES = [];", f"const SOURCES = {json.dumps(case.get('sources', []))};")


def outcome(heard: Heard) -> str:
    assert (heard.error, heard.calls) == ("", 1), heard
    decision, reason = heard.log.split()[:2]
    assert decision == heard.decision == ("allow" if reason == "pinned" else "deny")
    return reason


@pytest.mark.parametrize("name", CASES)
def test_a_connection_is_judged_as_it_must_be(name: str) -> None:
    case = CASES[name]
    heard = in_quickjs(source(case), given(case))
    if case.get("broken") == "log":
        assert heard == Heard("allow", 1, "", "")
    else:
        assert outcome(heard) == case["reason"]


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not on this machine; QuickJS judged the same cases")
@pytest.mark.parametrize(
    "name", ["pinned-in-base64url", "not-pinned", "the-store-fails-when-asked-what", "expired-pin"]
)
def test_another_engine_judges_alike_and_resolves_the_import(name: str, tmp_path: Path) -> None:
    heard = in_node(source(CASES[name]), given(CASES[name]), str(shutil.which("node")), tmp_path)
    assert outcome(heard) == CASES[name]["reason"]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda each: f"{each['case']}: {each['from'][:30]}")
def test_a_guard_that_is_taken_out_is_missed(mutation: dict[str, str]) -> None:
    case = CASES[mutation["case"]]
    whole = source(case)
    assert whole.count(mutation["from"]) == 1, "the function changed: write this mutation anew"
    heard = in_quickjs(whole.replace(mutation["from"], mutation["to"]), given(case))
    assert heard.error or outcome(heard) != case["reason"], "no case notices that this guard is gone"


def test_a_fingerprint_of_a_megabyte_is_refused_at_once() -> None:
    event = {"clientCertificate": {"certificates": {"leaf": {"sha256Fingerprint": "ab:" * 350_000}}}}
    assert outcome(in_quickjs(SOURCE.read_text(), Given(event, {}, NOW))) == "no-certificate"


def test_the_log_names_the_leaf_and_the_source_and_nothing_that_the_client_chose() -> None:
    event = {"clientCertificate": {"certificates": {"leaf": {"sha256Fingerprint": LEAF, "subject": "CN=canary"}}}}
    value = '{"bundle":"main","sources":{"use1":"2027-01-01T00:00:00Z"}}'
    heard = in_quickjs(SOURCE.read_text(), Given(event, {LEAF: value}, NOW))
    assert heard.log == f"allow pinned sha256={LEAF} source=use1"


def test_it_fits_the_service() -> None:
    text = SOURCE.read_text()
    assert len(text.encode()) <= LARGEST
    assert text.isascii()
    assert text.count(IMPORT) == 1
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("//"))
    assert [each for each in UNKNOWN_TO_THE_RUNTIME if re.search(each, code)] == []
