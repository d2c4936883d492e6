"""The alert about what ends soon and is not replaced yet: one message, however many certificates it is about."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from rotation_watcher.alerts.builders.ending import lasted
from rotation_watcher.alerts.builders.quarantine import ARTICLE
from rotation_watcher.alerts.builders.subjects import AUTHORITY, Words, about_stack
from rotation_watcher.alerts.builders.templates import Template, command
from rotation_watcher.alerts.builders.wording import count, days, plain, stamp, when
from rotation_watcher.alerts.model import Alert, Kind, Severity

LISTED = 10
"""Certificates that are listed in one message, the first that ends first."""
_COMMANDS = 2
"""Files for which a command is shown: of the other files it differs by the name alone."""


class Role(StrEnum):
    """What a certificate that ends is to us, and so who has to replace it."""

    LEAF = "leaf"
    CA = "ca"
    ANCHOR = "anchor"
    EXTRA = "extra"

    @property
    def words(self) -> str:
        """The same, for people."""
        return _NAMES[self]


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate in use that ends, and that nothing known replaces yet.

    ``of`` is the region or bundle that it is of, ``authority`` the signing authority, empty where none is known.
    ``file`` is the key of the operator's file that holds it, empty for what Genesys presents. ``fresh``: it has passed
    a threshold that was not told. ``severity`` is its own.
    """

    role: Role
    of: str
    authority: str = ""
    subject: str
    fingerprint: str
    at: datetime
    file: str = ""
    fresh: bool = False
    severity: Severity


_NAMES = {
    Role.LEAF: "client certificate",
    Role.CA: "CA above a client certificate",
    Role.ANCHOR: "root",
    Role.EXTRA: "CA of your own clients",
}
_RISKS = {
    Role.LEAF: "After its end targets refuse a client certificate, and data actions fail.",
    Role.CA: "After the end of a CA or root every client certificate under it is refused, and data actions fail.",
    Role.ANCHOR: "After the end of a CA or root every client certificate under it is refused, and data actions fail.",
    Role.EXTRA: "Clients under a CA of your own are refused after its end; Genesys is not concerned by it.",
}
_ASK = {
    Severity.CRITICAL: "Open an urgent case with Genesys support: ask",
    Severity.WARNING: "Ask Genesys support",
    Severity.INFO: "Nothing is to be done yet; nearer to the end ask Genesys support",
}
"""How urgently Genesys is to be asked when it replaces what is its own."""
_REMEDIES = {
    Role.LEAF: (
        "Client certificate: no truststore has to change. {ask} when data actions of that region present the next one;"
        " the watcher takes it up as soon as the API shows it."
    ),
    Role.CA: (
        "CA above a client certificate: Genesys alone can replace it. {ask} when that region presents a certificate"
        " under the next CA, which is added by itself as soon as the API shows it."
    ),
    Role.ANCHOR: (
        f"Root: download the region's zip again from {ARTICLE} (a DigiCert root from DigiCert's own site), save the"
        " root as new.pem and append it to its file; keep the old one until its leaf is replaced."
    ),
    Role.EXTRA: (
        "CA of your own clients: ask whose it is for the next one, save it as new.pem and append it to its file; take"
        " the old one out when no client uses it any more."
    ),
}


def expiring(*, ends: Sequence[Ending], since: datetime, now: datetime) -> Alert:
    """Certificates end that nothing replaces yet, one at least, all of one severity: in one message."""
    ends = sorted(ends, key=lambda one: (one.at, one.fingerprint))
    severity = min((one.severity for one in ends), key=lambda one: one.order)
    roles = [role for role in Role if any(one.role is role for one in ends)]
    words = Words(
        title=_title(ends, now),
        happened=_happened(ends, now),
        means=" ".join(dict.fromkeys(_RISKS[role] for role in roles)),
        do=" ".join(_REMEDIES[role].format(ask=_ASK[severity]) for role in roles),
        commands=_commands(ends),
    )
    some = 0 < sum(one.fresh for one in ends) < len(ends)
    facts = {str(place): _line(one, now, mark=some) for place, one in enumerate(ends[:LISTED], start=1)}
    facts |= {"more": f"and {len(ends) - LISTED} more, on the status page"} if len(ends) > LISTED else {}
    places = {one.of for one in ends}
    return about_stack(
        Kind.EXPIRING,
        severity,
        f"{severity}:{stamp(since)}",
        words,
        facts | {"since": when(since)},
        now,
        about=ends[0].of if len(places) == 1 else count(len(places), "place"),
    )


def _title(ends: Sequence[Ending], now: datetime) -> str:
    first = _left(ends[0], now)
    if len(ends) == 1 and _shown_still(ends[0], now):
        return f"a {ends[0].role.words} has ended and is shown still"
    if len(ends) == 1:
        return f"{ends[0].role.words} without a successor ({first})"
    return f"{count(len(ends))} without a successor (the first: {first})"


def _happened(ends: Sequence[Ending], now: datetime) -> str:
    first = ends[0]
    name = f"{first.role.words} of {plain(first.of, 60)}"
    if len(ends) == 1 and _shown_still(first, now):
        return f"The {name} ended on {when(first.at)}, and the API shows none in its place yet."
    if len(ends) == 1:
        verb = "ended" if first.at <= now else "ends"
        return f"The {name} {verb} on {when(first.at)}, and nothing that the watcher knows replaces it."
    fresh = sum(one.fresh for one in ends)
    new = f" Those marked NEW ({fresh}) have come nearer since the last message." if 0 < fresh < len(ends) else ""
    return (
        f"{count(len(ends))} in use end soon, or have ended, and nothing that the watcher knows replaces them yet."
        f" The first is the {name}, on {when(first.at)}.{new}"
    )


def _shown_still(one: Ending, now: datetime) -> bool:
    """Of a leaf that has ended nobody needs to know whether its successor is announced: it is not presented."""
    return one.role is Role.LEAF and one.at <= now


def _left(one: Ending, now: datetime) -> str:
    left = one.at - now
    return f"{lasted(left)} left" if timedelta(0) <= left < timedelta(days=2) else days(one.at, now)


def _line(one: Ending, now: datetime, *, mark: bool) -> str:
    """``mark``: what is new is marked, because not all of them are."""
    whose = f" ({plain(one.authority, AUTHORITY)})" if one.authority else ""
    kept = f", {plain(one.file, 50)}" if one.file else ""
    new = "NEW: " if mark and one.fresh else ""
    successor = "shown still" if _shown_still(one, now) else "no successor"
    return (
        f"{new}{one.role.words} of {plain(one.of, 40)}{whose}{kept}: ends {when(one.at)}, {_left(one, now)},"
        f" {successor}; {plain(one.subject, 60)}, SHA-256 {plain(one.fingerprint[:16])}"
    )


def _commands(ends: Sequence[Ending]) -> tuple[Template, ...]:
    """Appends the new certificate to the file that holds the one that ends."""
    files = dict.fromkeys(one.file for one in ends if one.file)
    return tuple(
        command(
            "aws s3 cp s3://{bucket}/{key} current.pem --region {region} && (echo; openssl x509 -in new.pem) >>"
            " current.pem && aws s3 cp current.pem s3://{bucket}/{key} --region {region}",
            key=file,
        )
        for file in [*files][:_COMMANDS]
    )
