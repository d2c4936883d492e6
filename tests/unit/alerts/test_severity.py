"""The severity of every situation, held to the table in docs/severity.md: a row for each, and none besides."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from rotation_watcher.alerts import builders
from rotation_watcher.alerts.builders import Reach
from rotation_watcher.alerts.model import Alert, Kind
from rotation_watcher.kinds import Door, DoorKind
from rotation_watcher.x509.facts import CertificateFacts
from tests.support.alert_examples import ALB, CURRENT, DOMAIN, EXAMPLES, NOW, SINCE, SOURCE, UNTRUSTED, changed_issuer

TABLE = (Path(__file__).resolve().parents[3] / "docs" / "severity.md").read_text()


def learned(believed: str) -> Alert:
    return builders.name_learned(
        source=SOURCE, authority="Genesys", leaf=CURRENT, names=CURRENT.names, believed=believed, now=NOW
    )


def many() -> Alert:
    return builders.flood(
        source=SOURCE,
        authority="Genesys",
        counts={"current accepted": 9},
        left=0,
        examples=(),
        accepted=True,
        blind=False,
        since=SINCE,
        now=NOW,
    )


def approved(root: CertificateFacts | None) -> Alert:
    return builders.approved(
        source=SOURCE,
        authority="Genesys",
        leaf=CURRENT,
        by="Ada",
        why="case 1",
        until=None,
        lifted=[UNTRUSTED],
        root=root,
        now=NOW,
    )


def failed(missing: Sequence[CertificateFacts]) -> Alert:
    return builders.truststore_update_failed(
        target=ALB, reason="target-busy", message="…", missing=missing, content="5e" * 32, since=SINCE, now=NOW
    )


def back(*, by_hand: bool) -> Alert:
    return builders.rolled_back(
        target=ALB, from_version="2", to_version="1", why="…", by_hand=by_hand, returned=[], left=[], now=NOW
    )


def door(kind: DoorKind) -> Alert:
    return builders.mtls_off(
        target=ALB,
        endpoint="listener",
        detail="words",
        door=Door(kind, "listener"),
        truststore="targets/alb/bundle.pem",
        version=None,
        will_heal=False,
        since=SINCE,
        now=NOW,
    )


def drifted() -> Alert:
    return builders.drift_found(
        target=ALB,
        added=[],
        removed=[CURRENT],
        moved_from=None,
        moved_to=None,
        refused=[CURRENT],
        will_heal=False,
        call="ModifyTrustStore",
        proved=None,
        since=SINCE,
        now=NOW,
    )


def contended() -> Alert:
    return builders.contended(
        target=DOMAIN,
        times=3,
        added=[],
        removed=[],
        refused=[CURRENT],
        call="UpdateDomainName",
        started=SINCE,
        since=SINCE,
        now=NOW,
    )


def locked() -> Alert:
    return builders.target_locked(
        target=DOMAIN, status="FAILED", said="", missing=[], expiring=[], since=SINCE, now=NOW
    )


ROWS: dict[tuple[str, str], Alert] = {
    ("upcoming-published", "the next certificate is announced"): EXAMPLES["upcoming_published"],
    ("rotated", "another leaf is presented"): EXAMPLES["rotated"],
    ("rotated", "it is not valid yet, the first that was seen of a source too"): EXAMPLES["rotated_early"],
    ("issuer-changed", "every target holds the new CAs"): changed_issuer(Reach.ADMITTED),
    ("issuer-changed", "announced, and the watcher is adding the new CAs"): changed_issuer(Reach.COMING),
    ("issuer-changed", "presented, and a target lacks the new CAs"): changed_issuer(Reach.COMING, "current"),
    ("issuer-changed", "no target, or mode observe"): changed_issuer(Reach.NOT_KEPT),
    ("went-back", "a replaced leaf is presented again"): EXAMPLES["went_back"],
    ("name-learned", "the catalogue has the same name"): learned(CURRENT.names[0]),
    ("name-learned", "no name in the catalogue, or another"): EXAMPLES["name_learned_against_the_catalogue"],
    ("names-uncertain", "whose certificates these are is uncertain"): EXAMPLES["names_uncertain"],
    ("quarantined", "an upcoming certificate"): EXAMPLES["quarantined"],
    ("quarantined", "a current certificate"): EXAMPLES["quarantined_for_good"],
    ("flood", "too many, none of them accepted"): EXAMPLES["flood"],
    ("flood", "accepted ones are among them, or no current one is accepted"): many(),
    ("approved", "for one certificate under a root that you trust"): approved(None),
    ("approved", "with a root that you had not trusted"): EXAMPLES["approved"],
    ("anchor-missing", "no root to verify with"): EXAMPLES["anchor_missing"],
    ("sources-disagree", "two sources of a region differ"): EXAMPLES["sources_disagree"],
    ("expired", "a presented leaf has run out"): EXAMPLES["expired"],
    ("expiring", "the first threshold is passed, more than 30 days are left, nothing replaces it"): EXAMPLES[
        "expiring_later"
    ],
    ("expiring", "30 days or fewer, or a CA of your own clients"): EXAMPLES["expiring"],
    ("expiring", "7 days or fewer, or ended: a leaf, a root or a CA"): EXAMPLES["expiring_now"],
    ("source-failing", "a failure that may pass"): EXAMPLES["authority_absent"],
    ("source-failing", "a failure that does not pass unaided"): EXAMPLES["source_failing"],
    ("clock-ahead", "the state holds times from the future"): EXAMPLES["clock_ahead"],
    ("configuration-refused", "the watch file or a parameter is wrong"): EXAMPLES["configuration_refused"],
    ("no-longer-watched", "an accepted configuration leaves out targets or sources"): EXAMPLES["no_longer_watched"],
    ("change-planned", "mode observe, and nothing that is presented is refused"): EXAMPLES["change_planned"],
    ("change-planned", "mode observe, and a leaf that is presented is refused"): EXAMPLES["change_planned_refusing"],
    ("truststore-updated", "changed and proved"): EXAMPLES["truststore_updated"],
    ("filters-updated", "changed and read back"): EXAMPLES["filters_updated"],
    ("truststore-update-failed", "it lets in every accepted leaf all the same"): failed([]),
    ("truststore-update-failed", "it refuses an accepted leaf"): EXAMPLES["truststore_update_failed"],
    ("truststore-update-failed", "what nobody vouches for any more is still let in"): EXAMPLES["still_trusted"],
    ("shared-authority-deployed", "its CA signs for others, unchecked"): EXAMPLES["shared_authority_deployed"],
    ("rolled-back", "by hand"): back(by_hand=True),
    ("rolled-back", "by itself"): EXAMPLES["rolled_back"],
    ("drift-found", "healed in this run, or every leaf is still let in"): EXAMPLES["drift_found"],
    ("drift-found", "it refuses an accepted leaf and is left so"): drifted(),
    ("contended", "every leaf is still let in"): EXAMPLES["contended"],
    ("contended", "it refuses a leaf each time"): contended(),
    ("mtls-off", "clients come in without a certificate"): EXAMPLES["mtls_off"],
    ("mtls-off", "a listener verifies with another trust store, or has lost its own"): door(DoorKind.OTHER_STORE),
    ("mtls-off", "an API or routing rules cannot be read"): door(DoorKind.UNREAD),
    ("removal-planned", "what a rotation replaced leaves soon"): EXAMPLES["removal_planned"],
    ("removal-planned", "what nothing wants any more leaves, though no rotation replaced it"): EXAMPLES["unwanted"],
    ("removal-held", "more would leave than is plausible"): EXAMPLES["removal_held"],
    ("quota-near", "nearly full"): EXAMPLES["quota_near"],
    ("file-damaged", "a file cannot be used, or not all of it"): EXAMPLES["file_damaged"],
    ("file-damaged", "a private key lies in it"): EXAMPLES["file_damaged_key"],
    ("unusual-certificate", "it breaks a rule of encoding"): EXAMPLES["unusual_certificate"],
    ("left-out", "no accepted leaf needs it"): EXAMPLES["left_out"],
    ("left-out", "an accepted leaf needs it"): EXAMPLES["left_out_needed"],
    ("target-locked", "no leaf is refused, none expires soon"): locked(),
    ("target-locked", "a leaf is refused or expires soon"): EXAMPLES["target_locked"],
    ("filtered-out", "filters of a listener match no name of a needed leaf"): EXAMPLES["filtered_out"],
    (
        "filtered-out",
        "a trust store of CloudFront asks for OCSP, and a needed leaf or its chain names no responder",
    ): EXAMPLES["ocsp_unanswered"],
    ("two-stacks", "another stack of the watcher has marked it, or it loads from that one's bucket"): EXAMPLES[
        "two_stacks"
    ],
    (
        "operator-file-changed",
        "somebody wrote or deleted a file below `anchors/`, `approvals/` or `extra/`, or the watch file",
    ): EXAMPLES["operator_file_changed"],
    ("filters-empty", "a listener without any filter"): EXAMPLES["filters_empty"],
    ("state-forged", "what lies in the bucket is not the watcher's"): EXAMPLES["state_forged"],
    ("state-forged", "what it keeps of a source or target was deleted"): EXAMPLES["state_deleted"],
    ("revoked", "a certificate of Genesys is on a list"): EXAMPLES["revoked"],
    ("crl-stale", "it cannot be got, or is not replaced in time"): EXAMPLES["crl_stale"],
    ("crl-stale", "it has run out"): EXAMPLES["crl_stale_overdue"],
    ("revocations-behind", "nothing of Genesys is on what is missing"): EXAMPLES["revocations_behind"],
    ("revocations-behind", "a revoked certificate of Genesys is on it"): EXAMPLES["revocations_behind_open"],
    ("digest", "several routine messages together"): EXAMPLES["summed_up"],
    ("weekly-digest", "once a week, however it stands"): EXAMPLES["weekly"],
    ("test", "somebody asked for it, or the stack is new"): EXAMPLES["trial"],
}
SAID = {
    (kind, situation): severity
    for kind, situation, severity in re.findall(r"^\| `([a-z-]+)` \| (.+?) \| (\w+) \| .+ \|$", TABLE, re.MULTILINE)
}


@pytest.mark.parametrize("row", ROWS, ids=" ".join)
def test_the_severity_is_what_the_table_says(row: tuple[str, str]) -> None:
    alert = ROWS[row]
    assert (alert.kind, alert.severity) == (row[0], SAID.get(row, "(no such row)"))


def test_every_kind_has_its_rows_and_each_row_its_alert() -> None:
    assert SAID.keys() == ROWS.keys(), "docs/severity.md and ROWS name the same situations"
    assert {kind for kind, _ in SAID} == {kind.value for kind in Kind}


def test_every_severity_that_an_example_has_is_in_the_table() -> None:
    known = {(kind, severity) for (kind, _), severity in SAID.items()}
    openings = [one for one in EXAMPLES.values() if one.status.value == "event"]
    assert {(one.kind.value, one.severity.value) for one in openings} <= known
