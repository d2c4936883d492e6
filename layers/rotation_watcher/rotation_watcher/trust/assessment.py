"""Judge a leaf: accepted (perhaps with remarks), or quarantined with stable reason codes.

Whatever the API says, a leaf is trusted only if it leads to an anchor, is made for clients, is in its validity (or not
yet), is strong enough for the targets to take, and bears the region's name. What is merely unusual is a remark: a good
certificate is never quarantined for its style. An operator's approval lifts the reasons that it names for one leaf,
under the root that it names.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

import msgspec
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from rotation_watcher.trust import identity
from rotation_watcher.trust.approvals import APPROVABLE, INSUFFICIENT, OTHER_ROOT, Approval, decode_approval
from rotation_watcher.trust.findings import CHAIN_REASONS, Finding, Reason, Remark
from rotation_watcher.trust.identity import Expected
from rotation_watcher.x509.certificates import Certificate, Defect, extension
from rotation_watcher.x509.engine_rules import weaknesses
from rotation_watcher.x509.paths import NoPath, Path, find_path, roots

__all__ = ["APPROVABLE", "Approval", "Assessed", "Finding", "Reason", "Remark", "Verdict", "assess", "decode_approval"]


_ORDER = {reason: place for place, reason in enumerate(Reason)}
_USUAL: Mapping[Remark, type[x509.ExtensionType]] = MappingProxyType(
    {
        Remark.NO_EKU: x509.ExtendedKeyUsage,
        Remark.NO_SAN: x509.SubjectAlternativeName,
        Remark.NO_KEY_USAGE: x509.KeyUsage,
        Remark.NO_AKI: x509.AuthorityKeyIdentifier,
    }
)
_FEW = 5


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The judgement of one leaf. ``reasons`` empty means accepted; ``lifted`` are those an approval lifted.

    ``approvable`` says that an approval could lift everything that stands in the way; ``rootless`` that for this it
    must bring the root along, since the text leads to none. ``root`` is the root, no anchor, at which the path ends.
    """

    accepted: bool
    reasons: tuple[Finding, ...] = ()
    remarks: tuple[Finding, ...] = ()
    lifted: tuple[Finding, ...] = ()
    approvable: bool = False
    rootless: bool = False
    root: Certificate | None = None


class Assessed(msgspec.Struct, frozen=True):
    """A leaf with its verdict. ``chain`` is the verified path leaf … root if there is one, else what was presented."""

    leaf: Certificate | None
    chain: tuple[Certificate, ...]
    verdict: Verdict


def assess(
    certificates: Sequence[Certificate],
    *,
    defects: Sequence[Defect],
    anchors: Sequence[Certificate],
    expected: Expected,
    approval: Mapping[str, Approval],
    now: datetime,
) -> Assessed:
    """Judge what one API entity held, in any order, with or without its root, or the leaf alone. Never raises.

    ``approval`` maps fingerprints to the operator's approvals; ``expected`` says whose it must be. The leaf is
    verified at ``max(now, not_before)``, an expired one at its last moment, so that its other faults are reported too.
    Where no anchor vouches for it, the path leads to the root that the approval names, if there is one; otherwise to
    any root of the text itself, so that the alert can name it.
    """
    reasons = [Finding(Reason.MALFORMED, f"{defect.code}: {defect.detail}") for defect in defects]
    leaf, fault = _leaf_of(certificates)
    reasons += [fault] if fault else []
    if leaf is None:
        return Assessed(None, tuple(certificates), _verdict(reasons, [], None))
    above = tuple(certificate for certificate in certificates if certificate != leaf)
    reasons += [*_own_faults(leaf, now), *_name_faults(leaf.facts.names, expected)]
    at = min(max(now, leaf.facts.not_before), leaf.facts.not_after)
    path, unfit = _climb(leaf, above, anchors, at)
    found = approval.get(leaf.fingerprint)
    in_force = found if found is not None and found.holds(now) else None
    anchored = isinstance(path, Path)
    if not isinstance(path, Path):
        reasons.append(Finding(Reason.CHAIN_UNTRUSTED if roots(anchors) else Reason.ANCHOR_MISSING, path.detail))
        path, unfit = _unanchored(leaf, above, anchors, in_force, at)
    if unfit and not any(reason.code == unfit.code for reason in reasons):
        reasons.append(unfit)
    chain = path.chain if isinstance(path, Path) else (leaf, *above)
    root = path.chain[-1] if isinstance(path, Path) and not anchored else None
    reasons += [fault for certificate in chain for fault in _weakness(certificate)]
    return Assessed(leaf, chain, _verdict(reasons, _remarks(leaf, expected, now), in_force, root))


def _unanchored(
    leaf: Certificate,
    above: Sequence[Certificate],
    anchors: Sequence[Certificate],
    approval: Approval | None,
    at: datetime,
) -> tuple[Path | NoPath, Finding | None]:
    """A path to the approved root, wherever its certificate comes from; else one to a root of the text's own."""
    if approval is not None:
        offered = (*above, *approval.above)
        named = [one for one in (*offered, *anchors) if one.fingerprint == approval.root]
        path, unfit = _climb(leaf, offered, named, at)
        if isinstance(path, Path):
            return path, unfit
    return _climb(leaf, above, roots(above), at)


def _climb(
    leaf: Certificate, above: Sequence[Certificate], anchors: Sequence[Certificate], at: datetime
) -> tuple[Path | NoPath, Finding | None]:
    """A path for clients; or one that is sound but for that, with the reason; or none."""
    path = find_path(leaf, intermediates=above, anchors=anchors, at=at)
    if isinstance(path, Path):
        return path, None
    sound = find_path(leaf, intermediates=above, anchors=anchors, at=at, client_auth=False)
    return sound, Finding(Reason.NO_CLIENT_AUTH, path.detail) if isinstance(sound, Path) else None


def _leaf_of(certificates: Sequence[Certificate]) -> tuple[Certificate | None, Finding | None]:
    """The one that is no CA and nobody's issuer among them, and what is wrong with that choice."""
    if not certificates:
        return None, Finding(Reason.NO_LEAF, "no certificate could be read")
    issuers = {one.names.issuer for one in certificates if one.names.issuer != one.names.subject}
    plain = [certificate for certificate in certificates if not certificate.is_ca]
    lowest = [certificate for certificate in plain if certificate.names.subject not in issuers] or plain
    if len(lowest) == 1:
        return lowest[0], None
    if len(lowest) > 1:
        return None, Finding(Reason.SEVERAL_LEAVES, f"{len(lowest)} certificates that are no CA's")
    ends = [certificate for certificate in certificates if certificate.names.subject not in issuers] or certificates
    chosen = min(ends, key=lambda certificate: certificate.fingerprint)
    return chosen, Finding(Reason.LEAF_IS_CA, "a CA certificate (CA:TRUE) where a client certificate should be")


def _own_faults(leaf: Certificate, now: datetime) -> list[Finding]:
    faults, facts = [], leaf.facts
    if facts.not_before > facts.not_after:
        faults.append(Finding(Reason.MALFORMED, "its validity ends before it begins"))
    if now > facts.not_after:
        faults.append(Finding(Reason.EXPIRED, f"expired on {facts.not_after:%Y-%m-%d %H:%M} UTC"))
    usage = extension(leaf, x509.ExtendedKeyUsage)
    if usage is not None and ExtendedKeyUsageOID.CLIENT_AUTH not in usage:
        faults.append(Finding(Reason.NO_CLIENT_AUTH, "its extended key usage does not hold clientAuth"))
    return faults


def _name_faults(names: Sequence[str], expected: Expected) -> list[Finding]:
    """What its names are against. One without any could be anybody's, whatever is expected."""
    if not names:
        known = f"; expected {_few(expected.enforced)}" if expected.enforced else ""
        return [Finding(Reason.NO_NAME, f"it bears no DNS name{known}")]
    if expected.enforced and not identity.shared(names, expected.enforced):
        return [Finding(Reason.NAME_MISMATCH, f"it names {_few(names)}; expected {_few(expected.enforced)}")]
    if expected.doubt:
        return [Finding(Reason.NAME_UNCERTAIN, f"it names {_few(names)}; {expected.doubt}")]
    return []


def _few(names: Sequence[str]) -> str:
    """Some of the names, each cut to what DNS allows: a hostile certificate holds thousands, or one of a megabyte."""
    rest = len(names) - _FEW
    return ", ".join(name[:253] for name in names[:_FEW]) + (f" and {rest} more" if rest > 0 else "")


def _weakness(certificate: Certificate) -> list[Finding]:
    subject = certificate.facts.subject[:120]
    return [Finding(Reason(one.code), f"{one.detail} in {subject}") for one in weaknesses(certificate.raw)]


def _remarks(leaf: Certificate, expected: Expected, now: datetime) -> list[Finding]:
    remarks = []
    if now < leaf.facts.not_before:
        remarks.append(Finding(Remark.NOT_YET_VALID, f"valid from {leaf.facts.not_before:%Y-%m-%d %H:%M} UTC"))
    for remark, kind in _USUAL.items():
        if extension(leaf, kind) is None:
            remarks.append(Finding(remark, f"it has no {kind.__name__}"))
    names = leaf.facts.names
    extra = [name for name in names if expected.enforced and not identity.shared((name,), expected.enforced)]
    if extra:
        remarks.append(Finding(Remark.EXTRA_NAMES, f"it also names {_few(extra)}"))
    if expected.believed and names and not identity.shared(names, (expected.believed,)):
        remarks.append(
            Finding(Remark.UNEXPECTED_NAME, f"it does not name {expected.believed}, as the catalogue of regions does")
        )
    return remarks


def _verdict(
    reasons: Sequence[Finding], remarks: Sequence[Finding], approval: Approval | None, root: Certificate | None = None
) -> Verdict:
    """Weigh the findings. ``root``: where the path ends that was found to no anchor."""
    unique = tuple(sorted({*reasons}, key=lambda finding: (_ORDER[Reason(finding.code)], finding.detail)))
    codes = {Reason(finding.code) for finding in unique}
    liftable = bool(codes) and codes <= APPROVABLE
    if liftable and approval is not None and approval.covers(codes, root.fingerprint if root else None):
        approved = Finding(Remark.APPROVED, f"by {approval.by[:120]}: {approval.why[:200]}")
        return Verdict(accepted=True, remarks=(*remarks, approved), lifted=unique, root=root)
    rootless = liftable and root is None and not codes.isdisjoint(CHAIN_REASONS)
    if liftable and approval is not None:
        unique = (*unique, _lacking(approval, codes, root))
    return Verdict(
        accepted=not unique,
        reasons=unique,
        remarks=tuple(remarks),
        approvable=liftable and not rootless,
        rootless=rootless,
        root=root,
    )


def _lacking(approval: Approval, codes: Iterable[str], root: Certificate | None) -> Finding:
    """Why an approval that is in force lets the leaf not pass."""
    uncovered = sorted(code for code in codes if not approval.lifts([code]))
    if uncovered:
        return Finding(INSUFFICIENT, f"there is an approval, but not for {', '.join(uncovered)}")
    shown = f"the chain leads to {root.fingerprint}" if root else "nothing shown or added leads there"
    return Finding(OTHER_ROOT, f"there is an approval for the root {approval.root}, but {shown}")
