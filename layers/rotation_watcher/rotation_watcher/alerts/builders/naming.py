"""Alerts about names: the ones that were learned, and those that cannot be."""

from collections.abc import Sequence
from datetime import datetime

from rotation_watcher.alerts.builders.subjects import AUTHORITY, Words, about_source
from rotation_watcher.alerts.builders.wording import certificate, plain, sentence, stamp, when
from rotation_watcher.alerts.model import Alert, Kind, Severity, SourceName
from rotation_watcher.x509.facts import CertificateFacts

_MOST = 5
"""How many names, or leaves, are shown; the rest is counted."""
_RIGHT_NAME = "set client_name of the source in the watch file to the right name"


def name_learned(
    *,
    source: SourceName,
    authority: str,
    leaf: CertificateFacts,
    names: Sequence[str],
    believed: str | None,
    now: datetime,
) -> Alert:
    """Accepted current leaves taught the names of which one must be borne from now on; ``leaf`` is one of them.

    ``believed`` is what the catalogue of regions says.
    """
    expected = believed is not None and believed.lower() in names
    catalogue = (
        "" if expected or not believed else f" The catalogue of regions believes another one: {plain(believed)}."
    )
    name = plain(authority, AUTHORITY)
    words = Words(
        title=f"the name learned for {name} is as expected"
        if expected
        else f"please check the name learned for {name}",
        happened=f"The current {plain(authority, AUTHORITY)} certificate bears the {_listed(names)}.{catalogue}",
        means=(
            "From now on a certificate must bear "
            + ("this name" if len(names) == 1 else "one of these names")
            + ": any other goes into quarantine."
        ),
        do=(
            "Nothing: the catalogue of regions has the same name."
            if expected
            else "Check once that this is the data-actions service of your region. If it is not,"
            f" {_RIGHT_NAME}, and ask Genesys support."
        ),
    )
    facts = {f"name {place}": plain(name) for place, name in enumerate(names, start=1) if plain(name)}
    facts |= {"name in the catalogue": plain(believed)} if believed and plain(believed) else {}
    severity = Severity.INFO if expected else Severity.WARNING
    return about_source(
        Kind.NAME_LEARNED, severity, source, authority, leaf.fingerprint, words, facts | certificate(leaf, now), now
    )


def names_uncertain(
    *,
    source: SourceName,
    authority: str,
    doubt: str,
    leaves: Sequence[CertificateFacts],
    believed: str | None,
    since: datetime,
    now: datetime,
) -> Alert:
    """No name is known yet, and what the API shows cannot teach one: none of these ``leaves`` is accepted."""
    words = Words(
        title=f"it is uncertain whose {plain(authority, AUTHORITY)} certificates these are",
        happened=sentence(f"no name is known of this authority's client yet, and {doubt}", 400),
        means=(
            "Its CA signs for others too, so none of these certificates is trusted or pinned: a stranger might be let"
            " in. Data actions that present one of them may fail."
        ),
        do=(
            "Compare the names below with what Genesys support says your region presents, and"
            f' {_RIGHT_NAME}. Or approve one of them (runbook, "Approvals"). A single'
            " certificate that is shown alone teaches its name without an approval."
        ),
    )
    facts: dict[str, str] = {}
    for place, leaf in enumerate(leaves[:_MOST], start=1):
        facts[f"{place} names"] = _few(leaf.names) or "(none)"
        facts[f"{place} SHA-256"] = plain(leaf.fingerprint)
    facts |= {"more": f"and {len(leaves) - _MOST} more"} if len(leaves) > _MOST else {}
    facts |= {"name in the catalogue": plain(believed)} if believed and plain(believed) else {}
    facts |= {"since": when(since)}
    return about_source(Kind.NAMES_UNCERTAIN, Severity.WARNING, source, authority, stamp(since), words, facts, now)


def _listed(names: Sequence[str]) -> str:
    return f"name {plain(names[0])}" if len(names) == 1 else f"names {_few(names)}"


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return plain(", ".join(plain(name, 60) for name in names[:_MOST]), 180) + more
