"""Alerts about revocation: a certificate of ours is on a list, and a list that cannot be kept up to date."""

from datetime import datetime

from rotation_watcher.alerts.builders.subjects import AUTHORITY, Words, about_source, about_target
from rotation_watcher.alerts.builders.target_commands import at, who_changed
from rotation_watcher.alerts.builders.templates import Template, command, invoke
from rotation_watcher.alerts.builders.wording import certificate as described
from rotation_watcher.alerts.builders.wording import plain, sentence, stamp, when
from rotation_watcher.alerts.fills import Fill
from rotation_watcher.alerts.model import Alert, Kind, Severity, SourceName, TargetName
from rotation_watcher.errors import TOO_MANY_LISTS, FetchCode
from rotation_watcher.x509.crl import share_left
from rotation_watcher.x509.crl_facts import CrlFacts
from rotation_watcher.x509.facts import CertificateFacts

_WAY_OUT = (
    "Ask this address from another network (curl -sI). If nobody answers there either, its CA's server is down: if that"
    " lasts for a day, open a case with Genesys support. If it answers, mend the function's way out: in a VPC, a NAT"
    " gateway and security groups that let ports 80 and 443 out, and DNS. No proxy is used."
)
_ELSEWHERE = (
    "The address comes from the certificate, so its CA must correct it: open a case with Genesys support. Nothing but"
    " public addresses on ports 80 and 443 is asked."
)
_SERVER = "If it lasts for a day, open a case with Genesys support: their CA's server does not give its list."
_CONTENT = (
    "See what this URL gives from another network. If that is another list, a mirror or an intercepting proxy on your"
    " side changes it: exempt the address. If it is the same, the CA publishes it so: open a case with Genesys support,"
    " with this message."
)
_REMEDIES = {
    FetchCode.URL_REFUSED: _ELSEWHERE,
    FetchCode.ADDRESS_REFUSED: _ELSEWHERE,
    FetchCode.REDIRECT_REFUSED: _ELSEWHERE,
    FetchCode.UNRESOLVABLE: _WAY_OUT,
    FetchCode.UNREACHABLE: _WAY_OUT,
    FetchCode.TIMED_OUT: _WAY_OUT,
    FetchCode.TLS_FAILED: _WAY_OUT,
    FetchCode.STATUS_UNEXPECTED: _SERVER,
    FetchCode.ANSWER_INVALID: _SERVER,
    TOO_MANY_LISTS: "Ask Genesys support why so many lists are named. Else take sources that nobody needs out of the"
    " watch file, or deploy a second stack for some of them.",
}
"""By the reason; every other one is about what a list holds."""
_NO_SUCCESSOR = "Nothing yet, if its CA is only late. If it lasts, open a case with Genesys support."
_LATE = "Open a case with Genesys support, with this message: the CA is late with its next list."
_RUN_OUT = (
    ' If data actions fail meanwhile, set the target\'s "revocation" to "off": the list leaves it, and what it revokes'
    " is let in again."
)
"""Of a list that has run out, whatever kept the next one away."""

_AT_THE_STORE = {
    "full": "Remove revocation files that nobody needs from the trust store, or have its quotas raised. This lists"
    " them:",
    "lost": "Find out who removed it: the watcher adds it again where on_drift is heal. If it is meant, set the"
    ' target\'s "revocation" to "off". This lists who did it (CloudTrail):',
    "forged": "See who wrote below crls/ or targets/ in the stack's bucket; the next run writes it anew.",
    "not-ours": "See who changed the trust store's revocation files, and remove what you do not know there by hand."
    " This lists them:",
    "unproved": "Nothing, if it is over within a day: the list before it stays until the new one shows. If not, remove"
    " the file whose count is wrong: the watcher adds it again.",
    "revocation-rejected": "Open a case with AWS support, with this message (it has the list's URL). Until then,"
    ' set the target\'s "revocation" to "off" if you check revocation elsewhere.',
    "target-denied": "Deploy the stack's current template: it grants what is missing on the trust stores of TargetArns."
    " A shared trust store can be changed from its own account alone.",
    "target-not-found": "Correct the target's ARN in the watch file, or create the trust store.",
    "role-unanswered": "See the alert truststore-update-failed about this target, if it lasts.",
    "role-refused": "See the alert truststore-update-failed about this target.",
    "bucket-unusable": "See the alert truststore-update-failed about this target.",
}
"""By the reason; every other one may pass unaided."""
_DENIED_TO_ROLE = (
    "Deploy its role's stack in the template of this release, with this target among its TargetArns"
    " (accounts/target-role.yaml): it grants what is missing."
)
_TRIED_AGAIN = "Nothing, if it is over within a day: it is tried again at every run."


def revocations_behind(
    *,
    target: TargetName,
    reason: str,
    folder: str,
    url: str,
    message: str,
    revoked: bool,
    number: int | None = None,
    since: datetime,
    now: datetime,
) -> Alert:
    """A trust store does not hold the revocation lists in force.

    ``folder`` and ``url`` name the list, both empty where all may be missing; ``number`` is the service's id of a file
    that it is about. ``revoked``: one that may be missing
    revokes one of our certificates.
    """
    words = Words(
        title=f"its revocation lists are not up to date ({plain(reason, 24)})",
        happened=sentence(message, 500),
        means=(
            "A client certificate of Genesys that is revoked may still be let in here."
            if revoked
            else "What a list revokes that it does not hold is let in here. No accepted certificate is refused."
        ),
        do=_DENIED_TO_ROLE if target.account and reason == "target-denied" else _AT_THE_STORE.get(reason, _TRIED_AGAIN),
        commands=_at_the_store(target.arn, reason),
    )
    facts = {"reason": plain(reason, 40)} | ({"list": plain(url), "kept below": folder} if folder else {})
    facts |= ({"revocation id": str(number)} if number is not None else {}) | {"since": when(since)}
    severity = Severity.CRITICAL if revoked else Severity.WARNING
    which = f"{folder.rpartition('/')[2]}{'' if number is None else f':{number}'}"
    distinction = f"{plain(reason, 40)}:{which}:{stamp(since)}"
    return about_target(Kind.REVOCATIONS_BEHIND, severity, target, distinction, words, facts, now)


def _at_the_store(arn: str, reason: str) -> tuple[Template, ...]:
    """What looks at the trust store, where the remedy says so."""
    match reason:
        case "full" | "not-ours":
            words = "aws elbv2 describe-trust-store-revocations --trust-store-arn {arn} --region {region}"
            return (command(words, **at(arn), arn=arn),)
        case "lost":
            return (who_changed(arn, "RemoveTrustStoreRevocations"),)
        case _:
            return ()


_FAILING = ": data actions that present it fail there"
_SHOWN_NO_MORE = ". Genesys shows it no more, so data actions go on"
_URGENT = (
    "Open an urgent case with Genesys support with this message: ask when data actions present another certificate."
)
_REPLACED = "Ask Genesys support why it was revoked: its key was stolen, or it was only replaced."


def revoked(
    *,
    source: SourceName,
    authority: str,
    certificate: CertificateFacts,
    ca: bool,
    replaced: bool = False,
    url: str,
    since: datetime,
    now: datetime,
) -> Alert:
    """A revocation list in force names an accepted leaf, or a CA above one (``ca``).

    ``replaced``: a leaf that Genesys shows no more.
    """
    what, kind = ("CA certificate above a client certificate", "CA") if ca else ("client certificate", "client")
    replaced = replaced and not ca
    means = (
        "Whoever checks revocation refuses every client certificate under it: data actions fail there. The pins of"
        " certificates under it alone go at once; the truststores keep their CA certificates, so one that does not"
        " check still lets them in."
        if ca
        else "Its key may be in other hands. Its pin goes at once, so whoever goes by the pins refuses it. Trust stores"
        f" of load balancers load the list and refuse it then{_SHOWN_NO_MORE if replaced else _FAILING}. A domain of"
        " API Gateway lets it in until its CA goes."
    )
    words = Words(
        title=f"a {'replaced ' if replaced else ''}{plain(authority, AUTHORITY)} {kind} certificate is revoked",
        happened=(
            f"The revocation list of its issuer names the {what} of Genesys Cloud {source.region} that is described"
            " below."
        ),
        means=means,
        do=(
            f"{_REPLACED if replaced else _URGENT} If you see calls that you do not know, change the credentials of"
            " your application. An API Gateway domain refuses it only with the stack's authorizer (docs/doors.md). See"
            " what is revoked by which list (first command), and which trust stores have loaded it (second command;"
            " both change nothing):"
        ),
        commands=(invoke(Fill.REFRESH_CRLS, {"dry_run": True}), invoke(Fill.PUBLISH, {"dry_run": True})),
    )
    facts = described(certificate, now) | {"serial": certificate.serial, "list": plain(url), "since": when(since)}
    distinction = f"{certificate.fingerprint}:{stamp(since)}"
    return about_source(Kind.REVOKED, Severity.CRITICAL, source, authority, distinction, words, facts, now)


def crl_stale(
    *,
    source: SourceName,
    authority: str,
    folder: str,
    url: str,
    issuer: str,
    reason: str,
    not_got: str | None = None,
    failure: str | None,
    held: CrlFacts | None,
    since: datetime,
    now: datetime,
) -> Alert:
    """A list is not got, not used, or not replaced in time.

    ``reason`` is a stable code: of ``FetchCode``, ``CrlReason``, ``CrlDefect``, TOO_MANY_LISTS, ``not-replaced``
    or ``overdue``. ``not_got`` is the code of what kept a new one away, where that is another, and ``failure`` says it
    in words; ``held`` are the facts of the one in force.
    """
    left = 0.0 if held is None else share_left(held, now)
    due = held.next_update if held else None
    run_out = held is not None and not left
    severity = Severity.CRITICAL if run_out else Severity.WARNING
    remedy = _REMEDIES.get(not_got or reason, _CONTENT) if failure else _LATE if run_out else _NO_SUCCESSOR
    if held is None:
        means = "No list of this issuer was ever got: a certificate that it revokes is not noticed."
    elif left:
        means = (
            f"The one of {when(held.this_update)} stays in force, until {when(due) if due else 'an unknown time'}:"
            f" {left:.0%} of its period is left. What was revoked since then is not noticed."
        )
    else:
        means = (
            f"The last good one ran out{f' on {when(due)}' if due else ''}; it still counts for what it names. What was"
            " revoked since then is not noticed, and an endpoint that checks with it may refuse every client."
        )
    words = Words(
        title=f"a revocation list is not up to date ({plain(reason, 30)})",
        happened=sentence(failure, 400) if failure else "The server still gives the list that the watcher has.",
        means=means,
        do=f"{remedy}{_RUN_OUT}" if run_out else remedy,
    )
    facts = {"reason": plain(reason, 40)}
    facts |= {"not got": plain(not_got, 40)} if not_got and not_got != reason else {}
    facts |= {"list": plain(url), "issuer": plain(issuer)}
    facts |= {"made": when(held.this_update), "next due": when(due) if due else "unknown"} if held else {}
    distinction = f"{folder.rpartition('/')[2]}:{plain(reason, 40)}:{stamp(since)}"
    facts |= {"kept below": folder, "since": when(since)}
    return about_source(Kind.CRL_STALE, severity, source, authority, distinction, words, facts, now)
