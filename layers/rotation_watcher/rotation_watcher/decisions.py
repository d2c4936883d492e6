"""What a run decided and why, line by line, for the log at DEBUG: of each certificate, target and list.

Pure. A line is labelled values: short words of ours, fingerprints, and foreign text made plain, of which none is a
secret. What was not done stands there too, with what it waits for.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from rotation_watcher.alerts.builders.wording import plain
from rotation_watcher.publish import Summary as PublishSummary
from rotation_watcher.refresh_crls import Summary as RefreshSummary
from rotation_watcher.sources.observation import Entity, Observation
from rotation_watcher.trust.findings import Finding

type Line = dict[str, Any]


def of_source(source: str, observation: Observation) -> Iterator[Line]:
    """One line for each certificate of an answer that is kept, and for what of it counts for nothing."""
    for entity in observation.entities:
        yield {"source": source, **_certificate(entity)}
    for finding in observation.ignored:
        yield {"source": source, "decided": "ignored", "why": [_words(finding)]}
    for flood in observation.floods:
        yield {"source": source, "decided": "counted, not kept", "why": [plain(str(flood), 400)]}


def _certificate(entity: Entity) -> Line:
    verdict = entity.verdict
    line: Line = {
        "decided": "accepted" if verdict.accepted else "quarantined",
        "certificate": entity.key,
        "authority": plain(entity.authority, 20),
        "status": entity.presence.value,
        "why": _all(verdict.reasons),
        "remarks": _all(verdict.remarks),
        "lifted by an approval": _all(verdict.lifted),
    }
    if verdict.accepted and not verdict.lifted:
        line["why"] = ["it leads to an anchor, and nothing stands against it"]
    if entity.leaf is not None:
        facts = entity.leaf.facts
        line |= {"subject": plain(facts.subject), "valid until": f"{facts.not_after:%Y-%m-%dT%H:%MZ}"}
    return {label: value for label, value in line.items() if value}


def of_publish(summary: PublishSummary) -> Iterator[Line]:
    """One line for each target and bundle, and for each message of which nothing is done."""
    for name, target in summary.targets.items():
        not_done = {
            "removal is held, more than the policy allows at once": target.held,
            "removal waits for": target.removal_waits_for,
            "in its grace until": target.leaving,
            "refused as the target stands": target.refused,
            "put off until": target.again and f"{target.again:%Y-%m-%dT%H:%M:%SZ}",
        }
        line: Line = {
            "target": name,
            "decided": target.outcome.value,
            "why": plain(target.message or "", 500),
            "mode": "dry run" if summary.dry_run else summary.mode.value,
            "added": target.added,
            "removed": target.removed,
            "moved": target.moved,
            "changed by others": [plain(one) for one in target.drift],
            "not done": {why: what for why, what in not_done.items() if what},
            "problems": [plain(one, 400) for one in target.problems],
            "revocation lists": [plain(one, 400) for one in target.revocations],
        }
        yield {label: value for label, value in line.items() if value}
    for name, outcome in summary.bundles.items():
        yield {"bundle": name, "decided": plain(outcome, 500)}
    for why in summary.passed_over:
        yield {"decided": "message passed over", "why": plain(why, 500)}


def of_refresh(summary: RefreshSummary) -> Iterator[Line]:
    """One line for each revocation list, and for each certificate that one names."""
    for one in summary.lists:
        why = [plain(part, 400) for part in (one.reason, one.message) if part]
        line: Line = {"list": plain(one.url, 300), "decided": one.outcome, "why": why, "for": one.certificates}
        yield {label: value for label, value in line.items() if value}
    for certificate, where in summary.revoked.items():
        yield {"certificate": certificate, "decided": "revoked", "why": plain(where, 300)}
    for remark in summary.remarks:
        yield {"decided": "remarked", "why": plain(remark, 400)}


def _all(findings: Sequence[Finding]) -> list[str]:
    return [_words(finding) for finding in findings]


def _words(finding: Finding) -> str:
    return f"{finding.code}: {plain(finding.detail, 400)}"
