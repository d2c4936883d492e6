"""What the fields of the demo's ``summary.json`` say, as text to lie beside it."""

import textwrap
from collections.abc import Mapping

_WIDTH = 100
MEANINGS: Mapping[str, str] = {
    "handshakes": "what the TLS handshakes with nginx came to, in all; below targets, at each",
    "attempted": "handshakes that were tried: a state that a client has met before is not tried again",
    "admitted": "let in, as they should be",
    "refused": "kept out, as they should be",
    "refused_wrongly": (
        "a certificate that Genesys presented then, under an authority that the target's bundle trusts, was refused by"
        " the truststore or by the authorizer: a data action would have failed. Must be 0"
    ),
    "admitted_wrongly": "somebody got in whom the truststore alone can and should keep out. Must be 0",
    "admitted_by_shared_ca": (
        "another customer of the public CA got in at a target with DigiCert's CA. No truststore can distinguish them:"
        " the alert shared-authority-deployed warns of it"
    ),
    "admitted_though_revoked": (
        "a leaf that its CA had revoked got in at a domain of API Gateway, which takes no revocation lists"
    ),
    "asked": "whoever passed a domain whose APIs ask the stack's authorizer was presented to that",
    "refused_by_authorizer": "those of them whom the authorizer kept out, as it should",
    "admitted_where_enforced": "whom the authorizer let in although he is not welcome. Must be 0",
    "faults": "each handshake that came out wrongly, in words: when, where, who, and why. Must be empty",
    "quiet_run_writes": "how many calls wrote something in a run of everything in which nothing was new. Must be 0",
    "alerts": "every alert, in order: those that came as mail, and those that a digest told",
    "mails": "how many came as mail; their texts and pictures lie in alerts/",
    "targets": "each target: its ARN, the authorities of its bundle, what it holds at the end, its handshakes",
    "certificates": "SHA-256 of the certificates that it holds at the end",
    "authorities": "the signing authorities whose leaves it should let in",
    "sources": "each source: its Genesys region, and its leaves at the end",
    "leaves": "by signing authority: SHA-256 and status of every leaf that is known at the end",
}
PLAIN = {"id", "kind", "severity", "at", "arn", "region"}
"""Fields that say what they are."""
_KEYED = {"targets", "sources", "leaves"}
"""Fields whose keys are ids."""


def legend(summary: Mapping[str, object]) -> str:
    """A line for each field, in the summary's order. Raises KeyError for one that nothing is said of."""
    names = dict.fromkeys(_fields(summary))
    lines = [f"{name}: {MEANINGS[name]}." for name in names if name not in PLAIN]
    wrapped = [textwrap.fill(line, _WIDTH, subsequent_indent="    ") for line in lines]
    return "\n".join(["The fields of summary.json.", "", *wrapped, ""])


def _fields(value: object) -> list[str]:
    """The names of fields, from the outside to the inside; ids that serve as keys are none."""
    if isinstance(value, list):
        return [name for one in value for name in _fields(one)]
    if not isinstance(value, Mapping):
        return []
    found: list[str] = []
    for name, inner in value.items():
        found.append(name)
        if name == "leaves":
            continue
        found += [each for one in inner.values() for each in _fields(one)] if name in _KEYED else _fields(inner)
    return found
