"""Judge a leaf: accepted (perhaps with remarks), or quarantined with stable reason codes (DESIGN.md, promise 3).

Whatever the API says, a leaf is trusted only if it leads to an anchor, is made for clients, is in its validity (or not
yet), is strong enough for the targets to take, and bears the region's name. What is merely unusual is a remark: a good
certificate is never quarantined for its style. An operator's approval lifts some reasons for one fingerprint.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from rotation_watcher.certificates import Certificate, Defect
from rotation_watcher.paths import Path, find_path, roots


class Reason(StrEnum):
    """Why a leaf is quarantined. Stable: alerts, approvals and the runbook speak of them."""

    MALFORMED = "malformed"
    NO_LEAF = "no-leaf"
    SEVERAL_LEAVES = "several-leaves"
    LEAF_IS_CA = "leaf-is-ca"
    UNKNOWN_AUTHORITY = "unknown-authority"
    ANCHOR_MISSING = "anchor-missing"
    CHAIN_UNTRUSTED = "chain-untrusted"
    NO_CLIENT_AUTH = "no-client-auth"
    NAME_MISMATCH = "name-mismatch"
    WEAK_KEY = "weak-key"
    WEAK_SIGNATURE = "weak-signature"
    EXPIRED = "expired"


class Remark(StrEnum):
    """What is unusual about an accepted leaf."""

    NOT_YET_VALID = "not-yet-valid"
    NO_EKU = "no-eku"
    NO_SAN = "no-san"
    NO_KEY_USAGE = "no-key-usage"
    NO_AKI = "no-aki"
    EXTRA_NAMES = "extra-names"


APPROVABLE = frozenset({Reason.ANCHOR_MISSING, Reason.CHAIN_UNTRUSTED, Reason.NO_CLIENT_AUTH, Reason.NAME_MISMATCH})
"""What an operator's word can lift. The rest no target would take, or nobody can mean."""

_ORDER = {reason: place for place, reason in enumerate(Reason)}
_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
_HASHES = frozenset({"sha256", "sha384", "sha512"})
_RSA_BITS = range(2048, 8193)


class Finding(msgspec.Struct, frozen=True):
    """A reason or remark: its stable code and a few words."""

    code: str
    detail: str


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """An operator's word that lets one quarantined fingerprint pass: who, why, and until when (None: no end)."""

    by: str
    why: str
    until: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Whether it is in force."""
        return self.until is None or now <= self.until


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The judgement of one leaf. ``reasons`` empty means accepted; ``lifted`` are those an approval lifted.

    ``approvable`` says that an approval could lift everything that stands in the way.
    """

    accepted: bool
    reasons: tuple[Finding, ...] = ()
    remarks: tuple[Finding, ...] = ()
    lifted: tuple[Finding, ...] = ()
    approvable: bool = False


class Assessed(NamedTuple):
    """A leaf with its verdict. ``chain`` is the verified path leaf … root if there is one, else what was presented."""

    leaf: Certificate | None
    chain: tuple[Certificate, ...]
    verdict: Verdict


def decode_approval(data: bytes, fingerprint: str) -> Approval | Finding:
    """The approval in ``data`` (JSON with ``by``, ``why`` and perhaps ``until``), or what is wrong with it."""
    try:
        approval = msgspec.json.decode(data, type=Approval)
    except msgspec.DecodeError as error:
        return Finding("approval-invalid", f"approvals/{fingerprint}.json: {error}")
    if not approval.by.strip() or not approval.why.strip():
        return Finding("approval-invalid", f"approvals/{fingerprint}.json: by and why must say something")
    if approval.until is not None and approval.until.tzinfo is None:
        return Finding("approval-invalid", f"approvals/{fingerprint}.json: until needs a time zone, such as a final Z")
    return approval


def assess(
    certificates: Sequence[Certificate],
    *,
    defects: Sequence[Defect],
    anchors: Sequence[Certificate],
    expected_name: str | None,
    approval: Mapping[str, Approval],
    now: datetime,
) -> Assessed:
    """Judge what one API entity held, in any order, with or without its root, or the leaf alone. Never raises.

    ``approval`` maps fingerprints to the operator's words; ``expected_name`` None enforces no name.
    """
    reasons = [Finding(Reason.MALFORMED, f"{defect.code}: {defect.detail}") for defect in defects]
    leaf, trouble = _leaf_of(certificates)
    if leaf is None:
        return Assessed(None, tuple(certificates), _verdict([*reasons, trouble], [], None))
    rest = tuple(certificate for certificate in certificates if certificate != leaf)
    word = approval.get(leaf.fingerprint)
    word = word if word is not None and word.holds(now) else None
    if trouble.code:
        reasons.append(trouble)
    reasons += _own_faults(leaf, expected_name, now)
    at = min(max(now, leaf.facts.not_before), leaf.facts.not_after)
    path = find_path(leaf, intermediates=rest, anchors=anchors, at=at, client_auth=False)
    closed = path
    if not isinstance(path, Path):
        code = Reason.CHAIN_UNTRUSTED if roots(anchors) else Reason.ANCHOR_MISSING
        reasons.append(Finding(code, path.detail))
        closed = find_path(leaf, intermediates=rest, anchors=roots(rest), at=at, client_auth=False)
    elif not isinstance(find_path(leaf, intermediates=rest, anchors=anchors, at=at), Path) and not _lacks_client(leaf):
        reasons.append(Finding(Reason.NO_CLIENT_AUTH, "a CA above it has an extended key usage without clientAuth"))
    chain = closed.chain if isinstance(closed, Path) else (leaf, *rest)
    reasons += [fault for certificate in chain for fault in _weakness(certificate)]
    verdict = _verdict(reasons, _remarks(leaf, expected_name, now), word, closes=isinstance(closed, Path))
    return Assessed(leaf, chain, verdict)


def _leaf_of(certificates: Sequence[Certificate]) -> tuple[Certificate | None, Finding]:
    """The one that is nobody's issuer among them; its finding has an empty code where all is well."""
    if not certificates:
        return None, Finding(Reason.NO_LEAF, "no certificate could be read")
    leaves = [certificate for certificate in certificates if not certificate.is_ca]
    if len(leaves) == 1:
        return leaves[0], Finding("", "")
    if len(leaves) > 1:
        return None, Finding(Reason.SEVERAL_LEAVES, f"{len(leaves)} certificates that are no CA's")
    issuers = {certificate.raw.issuer for certificate in certificates if not certificate.self_signed}
    lowest = [certificate for certificate in certificates if certificate.raw.subject not in issuers]
    leaf = lowest[0] if len(lowest) == 1 else certificates[0]
    return leaf, Finding(Reason.LEAF_IS_CA, "a CA certificate (CA:TRUE) where a client certificate should be")


def _own_faults(leaf: Certificate, expected_name: str | None, now: datetime) -> list[Finding]:
    faults = []
    if now > leaf.facts.not_after:
        faults.append(Finding(Reason.EXPIRED, f"expired on {leaf.facts.not_after:%Y-%m-%d %H:%M} UTC"))
    if _lacks_client(leaf):
        faults.append(Finding(Reason.NO_CLIENT_AUTH, "its extended key usage does not hold clientAuth"))
    if expected_name is not None and expected_name.lower() not in leaf.facts.names:
        found = ", ".join(leaf.facts.names[:5]) or "no name at all"
        faults.append(Finding(Reason.NAME_MISMATCH, f"it names {found}; expected {expected_name}"))
    return faults


def _lacks_client(leaf: Certificate) -> bool:
    usage = _extension(leaf, x509.ExtendedKeyUsage)
    return usage is not None and ExtendedKeyUsageOID.CLIENT_AUTH not in usage


def _weakness(certificate: Certificate) -> list[Finding]:
    """What ALB would refuse: RSA below 2048 or above 8192 bits, other curves or key kinds, other hashes than SHA-2."""
    faults, subject = [], certificate.facts.subject[:120]
    key = certificate.raw.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size not in _RSA_BITS:
            faults.append(Finding(Reason.WEAK_KEY, f"RSA of {key.key_size} bits in {subject}"))
    elif not isinstance(key, ec.EllipticCurvePublicKey):
        faults.append(Finding(Reason.WEAK_KEY, f"a key of an unsupported kind in {subject}"))
    elif not isinstance(key.curve, _CURVES):
        faults.append(Finding(Reason.WEAK_KEY, f"the curve {key.curve.name} in {subject}"))
    try:
        algorithm = certificate.raw.signature_hash_algorithm
        name = algorithm.name if algorithm else "none"
    except (ValueError, TypeError):
        name = "unknown"
    if name not in _HASHES:
        faults.append(Finding(Reason.WEAK_SIGNATURE, f"signed with {name} in {subject}"))
    return faults


def _remarks(leaf: Certificate, expected_name: str | None, now: datetime) -> list[Finding]:
    remarks = []
    if now < leaf.facts.not_before:
        remarks.append(Finding(Remark.NOT_YET_VALID, f"valid from {leaf.facts.not_before:%Y-%m-%d %H:%M} UTC"))
    expected: dict[Remark, type[x509.ExtensionType]] = {
        Remark.NO_EKU: x509.ExtendedKeyUsage,
        Remark.NO_SAN: x509.SubjectAlternativeName,
        Remark.NO_KEY_USAGE: x509.KeyUsage,
        Remark.NO_AKI: x509.AuthorityKeyIdentifier,
    }
    for remark, kind in expected.items():
        if not any(isinstance(extension.value, kind) for extension in leaf.raw.extensions):
            remarks.append(Finding(remark, f"it has no {kind.__name__}"))
    extra = [name for name in leaf.facts.names if expected_name and name != expected_name.lower()]
    if extra:
        remarks.append(Finding(Remark.EXTRA_NAMES, f"it also names {', '.join(extra[:5])}"))
    return remarks


def _extension[T: x509.ExtensionType](certificate: Certificate, kind: type[T]) -> T | None:
    try:
        return certificate.raw.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _verdict(
    reasons: Sequence[Finding],
    remarks: Sequence[Finding],
    word: Approval | None,
    *,
    closes: bool = False,
) -> Verdict:
    """Weigh the findings. An unanchored chain can be approved only if its own certificates lead to a root."""
    unique = tuple(sorted({*reasons}, key=lambda finding: (_ORDER[Reason(finding.code)], finding.detail)))
    liftable = APPROVABLE if closes else APPROVABLE - {Reason.ANCHOR_MISSING, Reason.CHAIN_UNTRUSTED}
    approvable = bool(unique) and all(Reason(finding.code) in liftable for finding in unique)
    if approvable and word is not None:
        return Verdict(accepted=True, remarks=tuple(remarks), lifted=unique)
    return Verdict(accepted=not unique, reasons=unique, remarks=tuple(remarks), approvable=approvable)
