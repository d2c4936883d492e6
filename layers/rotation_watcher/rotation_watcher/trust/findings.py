"""What was found about a leaf: stable codes with a few words."""

from enum import StrEnum

import msgspec


class Finding(msgspec.Struct, frozen=True):
    """A reason or remark: its stable code and a few words, which may quote names out of certificates."""

    code: str
    detail: str


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
    NO_NAME = "no-name"
    NAME_UNCERTAIN = "name-uncertain"
    WEAK_KEY = "weak-key"
    WEAK_SIGNATURE = "weak-signature"
    EXPIRED = "expired"


CHAIN_REASONS = frozenset({Reason.ANCHOR_MISSING, Reason.CHAIN_UNTRUSTED})
"""No anchor vouches for it: there is none, or it does not lead to one."""


class Remark(StrEnum):
    """What is unusual about an accepted leaf."""

    NOT_YET_VALID = "not-yet-valid"
    NO_EKU = "no-eku"
    NO_SAN = "no-san"
    NO_KEY_USAGE = "no-key-usage"
    NO_AKI = "no-aki"
    EXTRA_NAMES = "extra-names"
    UNEXPECTED_NAME = "unexpected-name"
    APPROVED = "approved"
