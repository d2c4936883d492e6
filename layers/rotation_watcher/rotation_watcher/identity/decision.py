"""Whether a client certificate is let in: one decision for the authorizer, the middleware and whoever else asks.

Pure, and never raises: whatever is wrong with what was presented, or with what it is held against, refuses it. It needs
Python and ``cryptography`` alone (``policy``). Who stands before it (API Gateway, ALB) has verified the chain and the
possession of the key; the decision says whose certificate it is, and whether it is still good. A leaf that collect has
not judged yet is held to the same rules as there (``engine_rules``), as far as its CAs are known here.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from rotation_watcher.identity.policy import Pin, Policy, Rule, Who
from rotation_watcher.x509.engine_rules import allows_handshakes, extension, key_identifier_fits, refusal, weaknesses
from rotation_watcher.x509.names import normal
from rotation_watcher.x509.signatures import is_signature

MAX_LEAF = 16 * 1024
"""The longest certificate that is read, in characters of PEM: ALB's limit."""
ADMITTED = ("pinned", "issued")
"""The reasons of those who are let in; ``unknown-leaf`` is one more under the policy ``name``."""
REFUSED = (
    "no-certificate",
    "unreadable",
    "two-certificates",
    "not-yet-valid",
    "expired",
    "leaf-is-ca",
    "no-client-auth",
    "weak-key",
    "weak-signature",
    "chain-untrusted",
    "revoked",
    "not-pinned",
    "unknown-leaf",
    "expired-pin",
    "wrong-name",
    "wrong-issuer",
    "pinned-for-another-region",
    "policy-unreadable",
    "policy-too-old",
)
"""The reasons of those who are not. They are stable: alarms and dashboards may count them."""
LIST_UNKNOWN = "list-unknown"
"""The remark that no revocation list could be asked that speaks of the leaf."""

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"

type Revoked = Callable[[str, int], bool | None]
"""Whether the lists of the issuer with this key name this serial number; None where no list can be asked."""
type Speaks = Callable[[str, x509.Certificate], bool]
"""Whether one of these lists is for the places that the leaf itself names: else it clears nobody."""


class Decision(NamedTuple):
    """``reason`` is stable. ``who`` is None where nobody was recognised. ``sha256`` is the leaf's, in lower-case hex.

    ``wake``: the source that should be looked at now, for it seems to have a new certificate. ``remark``: a stable
    word on what could not be checked.
    """

    allowed: bool
    reason: str
    who: Who | None = None
    sha256: str | None = None
    wake: str | None = None
    remark: str | None = None


def told(decision: Decision) -> dict[str, str | None]:
    """What is handed on of a decision: the reason, the leaf's SHA-256, and whose it is; nothing of its own text."""
    who = decision.who
    return {
        "reason": decision.reason,
        "sha256": decision.sha256,
        "remark": decision.remark,
        "source": who.source if who else None,
        "region": who.region if who else None,
        "authority": who.authority if who else None,
    }


class _Leaf(NamedTuple):
    raw: x509.Certificate
    sha256: str
    names: frozenset[str]
    unfit: tuple[str, ...]
    """What it is no client certificate for: an approval may waive it, by the same code."""


class _Above(NamedTuple):
    """A CA of a rule, its key, and what a leaf of it is held against (``policy.Rule``)."""

    issuer: x509.Certificate
    key: str
    ways: tuple[tuple[x509.Certificate, ...], ...]


class _Lists(NamedTuple):
    """What can be asked of revocation lists."""

    revoked: Revoked
    speaks: Speaks


def no_list(_issuer_key: str, _serial: int) -> None:
    """``Revoked`` of a door that has no lists, such as a backend behind an ALB whose trust store holds them."""
    return


def any_list(_issuer_key: str, _leaf: x509.Certificate) -> bool:
    """``Speaks`` where ``Revoked`` answers for each leaf of the issuer."""
    return True


def decide(
    leaf: object,
    policy: Policy | None,
    at: datetime,
    revoked: Revoked = no_list,
    speaks: Speaks = any_list,
    *,
    region: str | None = None,
) -> Decision:
    """Whether the leaf (PEM text, as a front door hands it on) is let in at ``at`` (aware UTC).

    ``policy`` None: there is none that can be read. With ``region`` (an AWS region name) only the leaves of that
    Genesys Cloud region are let in. Never raises.
    """
    if not leaf:
        return _refused("no-certificate")
    if policy is None:
        return _refused("policy-unreadable")
    if not isinstance(leaf, str) or len(leaf) > MAX_LEAF:
        return _refused("unreadable")
    if leaf.count(_BEGIN) > 1:
        return _refused("two-certificates")
    try:
        return _judged(_read(leaf), policy, at, _Lists(revoked, speaks), region)
    except Exception:  # noqa: BLE001  # whatever a certificate does to the library, it lets nobody in
        return _refused("unreadable")


def _judged(leaf: _Leaf, policy: Policy, at: datetime, lists: _Lists, region: str | None) -> Decision:
    if reason := _never_good(leaf, policy, at):
        return _refused(reason, leaf)
    pins = policy.pins.get(leaf.sha256, ())
    here = [pin for pin in pins if region in (None, pin.who.region)]
    good = next((pin for pin in here if pin.until is None or at < pin.until), None)
    if unfit := [code for code in leaf.unfit if not (good and code in good.lifted)]:
        return _refused(unfit[0], leaf)
    if good:
        return _unless_revoked(leaf, Decision(True, "pinned", good.who, leaf.sha256), [good.issuer_key], lists)
    rules = [rule for rule in policy.rules if region in (None, rule.who.region)]
    named = [rule for rule in rules if leaf.names & rule.names]
    faults: list[Decision] = []
    for rule in sorted(named, key=lambda one: one.mode):  # issued before pinned; a signature takes longer than all else
        keys, fault = _vouchers(leaf, rule, at)
        if keys:
            return _unless_revoked(leaf, _by_name(leaf, rule, here), keys, lists)
        faults += [_refused(fault, leaf)._replace(who=rule.who)] if fault else []
    if faults and not here:
        return faults[0]
    others = [rule for rule in rules if rule not in named]
    signed = [rule for rule in others if any(_signed(leaf, one.issuer) for one in _above(leaf, rule, at))]
    return _refused(_why_not(named, rules, signed, pins, here), leaf)


def _never_good(leaf: _Leaf, policy: Policy, at: datetime) -> str | None:
    """Why a leaf is refused whoever it is; None if nothing is known against it."""
    if at < leaf.raw.not_valid_before_utc:
        return "not-yet-valid"
    if at > leaf.raw.not_valid_after_utc:
        return "expired"
    return "revoked" if leaf.sha256 in policy.revoked else None


def _by_name(leaf: _Leaf, rule: Rule, here: list[Pin]) -> Decision:
    """What becomes of a leaf of the right name under the right CA that is not pinned."""
    if rule.mode == "issued":
        return Decision(True, "issued", rule.who, leaf.sha256)
    if here:
        return Decision(False, "expired-pin", rule.who, leaf.sha256)
    return Decision(rule.unknown == "name", "unknown-leaf", rule.who, leaf.sha256, wake=rule.who.source)


def _why_not(named: list[Rule], rules: list[Rule], signed: list[Rule], pins: tuple[Pin, ...], here: list[Pin]) -> str:
    """Why nobody was recognised. ``named``: rules whose name it bears; ``signed``: others whose CA signed it."""
    if here:
        return "expired-pin"
    if pins:
        return "pinned-for-another-region"
    if any(rule.mode == "issued" for rule in signed):
        return "wrong-name"
    if named or (not signed and any(rule.mode == "issued" for rule in rules)):
        return "wrong-issuer"
    return "not-pinned"


def _unless_revoked(leaf: _Leaf, found: Decision, issuer_keys: list[str | None], lists: _Lists) -> Decision:
    """The same, unless a list names it. What is revoked wakes nobody."""
    keys = [key for key in issuer_keys if key]
    answers = [lists.revoked(key, leaf.raw.serial_number) for key in keys]
    if any(answers):
        return _refused("revoked", leaf)._replace(who=found.who)
    unknown = not answers or None in answers or not all(lists.speaks(key, leaf.raw) for key in keys)
    return found._replace(remark=LIST_UNKNOWN) if unknown else found


def _above(leaf: _Leaf, rule: Rule, at: datetime) -> Iterator[_Above]:
    """The rule's CAs of the name that the leaf gives its issuer and in their validity."""
    for issuer, key, ways in zip(rule.issuers, rule.issuer_keys, rule.ways, strict=True):
        if issuer.subject == leaf.raw.issuer and issuer.not_valid_before_utc <= at <= issuer.not_valid_after_utc:
            yield _Above(issuer, key, ways)


def _vouchers(leaf: _Leaf, rule: Rule, at: datetime) -> tuple[list[str | None], str | None]:
    """The keys of the rule's CAs that vouch for the leaf; or why one that signed it does not, None if none has."""
    keys: list[str | None] = []
    fault = None
    for issuer, key, ways in _above(leaf, rule, at):
        faults = [_fault(leaf.raw, way) for way in ways]
        if None in faults:
            keys.append(key)
        elif fault is None and _signed(leaf, issuer):
            fault = faults[0]
    return keys, fault


@lru_cache(256)  # a region presents one leaf at every request; the signature takes longer than all else
def _fault(leaf: x509.Certificate, way: tuple[x509.Certificate, ...]) -> str | None:
    """Why collect would not trust the leaf under these CAs, by its words; ``chain-untrusted`` also for no signature.

    It is judged when all became valid, so that it never changes: whether they are valid now is asked before.
    """
    for one in weaknesses(leaf):
        return one.code
    chain = (leaf, *way)
    at = max(one.not_valid_before_utc for one in chain)
    if not all(key_identifier_fits(*link) for link in pairwise(chain)):
        return "chain-untrusted"
    if refusal(chain, at):
        return "no-client-auth" if refusal(chain, at, client_auth=False) is None else "chain-untrusted"
    return next((one.code for ca in way for one in weaknesses(ca)), None)


def _signed(leaf: _Leaf, issuer: x509.Certificate) -> bool:
    try:
        return is_signature(leaf.raw, leaf.raw.tbs_certificate_bytes, issuer.public_key())
    except (ValueError, UnsupportedAlgorithm):  # a key of a kind that nobody reads
        return False


@lru_cache(256)  # at most 4 MB of text; reading the same leaf again took half of a decision
def _read(leaf: str) -> _Leaf:
    """The leaf. Raises whatever the library raises, or ValueError."""
    text = leaf.strip()
    if not (text.startswith(_BEGIN) and text.endswith(_END) and "-----" not in text[len(_BEGIN) : -len(_END)]):
        raise ValueError("not one CERTIFICATE block")
    raw = x509.load_pem_x509_certificate(text.encode("ascii"))
    return _Leaf(raw, raw.fingerprint(SHA256()).hex(), _names(raw), tuple(_unfit(raw)))


def _unfit(raw: x509.Certificate) -> Iterator[str]:
    """What is absent allows any use, as the watcher takes it."""
    constraints = extension(raw, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        yield "leaf-is-ca"
    purposes = extension(raw, x509.ExtendedKeyUsage)
    for_clients = purposes is None or ExtendedKeyUsageOID.CLIENT_AUTH in purposes
    if not (for_clients and allows_handshakes(extension(raw, x509.KeyUsage))):
        yield "no-client-auth"


def _names(raw: x509.Certificate) -> frozenset[str]:
    """The DNS names of the SAN, or the common name alone where there is no SAN."""
    san = extension(raw, x509.SubjectAlternativeName)
    if san is not None:
        return frozenset(map(normal, san.get_values_for_type(x509.DNSName)))
    common = raw.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    names = [str(common[0].value)] if len(common) == 1 else []
    return frozenset(map(normal, names))


def _refused(reason: str, leaf: _Leaf | None = None) -> Decision:
    return Decision(False, reason, sha256=leaf.sha256 if leaf else None)
