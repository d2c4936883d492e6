"""Alerts about observing: a source that cannot be read, that can again, and two that see different things."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from rotation_watcher import keys
from rotation_watcher.alerts.builders.subjects import AUTHORITY, Words, about_source
from rotation_watcher.alerts.builders.templates import Template, command, invoke, versions
from rotation_watcher.alerts.builders.wording import DEFECT, plain, sentence, short, stamp, when
from rotation_watcher.alerts.fills import Fill
from rotation_watcher.alerts.model import Alert, Kind, Severity, SourceName
from rotation_watcher.errors import SourceReason

PERMISSION = "integrations:actionCertificate:view"
"""The permission that the OAuth client's role needs (Genesys SDK)."""
_MOST_TIMES = 5
_ITS_KEY = 'Parameters[?KeyId].join(`"="`,[`"--key-id"`,KeyId])'
"""Of a parameter that is there the option that names its KMS key: without it SSM stores under the account's own key."""

_ADDRESSES = 'Genesys may admit known addresses only, and not the function\'s (runbook, "source-failing").'
_FLAPS = " It comes and goes: it was over within the last day, so it counts as over only after a day without it."
_TRIES = " This tries again at once and says how it went, and changes nothing:"
_REMEDIES = {
    SourceReason.CREDENTIALS_MISSING: (
        "See whether the secret is there (first command), and whether the stack's parameter CredentialArns lists it. If"
        " it is not there, or not right, write client_id and client_secret into oauth.json as JSON and store it (second"
        " command), then delete that file."
    ),
    SourceReason.CREDENTIALS_REFUSED: (
        "Look at the OAuth client (grant: client credentials) in Genesys Cloud Admin, and at when its secret was stored"
        " (first command). If it was reset since, write client_id and client_secret into oauth.json as JSON, store it"
        " (second command), then delete that file. The watcher takes it within five minutes. If it was not,"
        f" {_ADDRESSES}"
    ),
    SourceReason.PERMISSION_MISSING: (
        f"Give a role of the OAuth client the permission {PERMISSION}. If it has it, {_ADDRESSES}"
    ),
    SourceReason.THROTTLED: (
        "Find out what else uses this OAuth client, and give the watcher a client of its own. It tries again at every"
        " run."
    ),
    SourceReason.UNAVAILABLE: "Check the Genesys Cloud status page. The watcher tries again at every run.",
    SourceReason.UNREACHABLE: (
        "Check name resolution and the way out of the network (VPC, proxy, allow list). The watcher tries again at"
        " every run."
    ),
    SourceReason.TLS_FAILED: (
        "Something else answers in Genesys' place, or your network inspects TLS. If it is your own inspection, exempt"
        ' the API host and the login host of the region from it (runbook, "source-failing").'
    ),
    SourceReason.REDIRECTED: "Check api_url and login_url of the source in the watch file: the API never redirects.",
    SourceReason.ANSWER_TOO_LARGE: (
        "Check api_url of the source in the watch file. If it is right, open a case with Genesys support."
    ),
    SourceReason.ANSWER_INVALID: (
        "Check api_url of the source in the watch file. If it is right, open a case with Genesys support."
    ),
    SourceReason.AUTHORITY_ABSENT: (
        "If your data actions do not use this authority, take it out of the watch file (or the parameter Authorities)."
        " If they do, ask Genesys support why the API does not show it."
    ),
    SourceReason.ENDPOINT_MISSING: "Check region, api_url and login_url of the source in the watch file.",
    SourceReason.INTERNAL_ERROR: DEFECT.format(function="CollectFunction"),
}


def source_failing(
    *,
    source: SourceName,
    reason: SourceReason,
    message: str,
    authority: str | None,
    since: datetime,
    last_good: datetime | None,
    now: datetime,
    secret: str | None = None,
    returned: bool = False,
) -> Alert:
    """The source cannot be read, or (with ``authority``) one authority's certificate is not in its answer.

    ``returned``: it had ended within the last day. ``secret``: the ARN of its credentials.
    """
    missed = "While this lasts, a rotation may go unnoticed until data actions fail."
    kept = "Targets keep what they hold: nothing is removed on old knowledge."
    if authority is not None:
        last = ""
    else:
        last = f" It was last read at {when(last_good)}." if last_good else " It has never been read."
    blind = f"no {plain(authority or '', AUTHORITY)} certificate is shown" if authority else "Genesys cannot be read"
    distinction = stamp(since)
    if reason is SourceReason.INTERNAL_ERROR:
        blind = "the watcher itself failed"
        distinction = f"{reason}:{distinction}"  # the source may be failing besides, since the same moment
    about_secret = reason in {SourceReason.CREDENTIALS_MISSING, SourceReason.CREDENTIALS_REFUSED}
    commands = _storing(secret) if secret and about_secret else ()
    words = Words(
        title=f"{blind} ({reason})",
        happened=sentence(message, 500),
        means=f"{missed}{last} {kept}{_FLAPS if returned else ''}",
        do=_REMEDIES[reason] + ("" if commands else _TRIES),
        commands=commands or (invoke(Fill.COLLECT, {"sources": [source.id], "dry_run": True}),),
    )
    facts = {"reason": str(reason), "since": when(since)}
    facts |= {"last read": when(last_good)} if last_good else {}
    return about_source(
        Kind.SOURCE_FAILING,
        Severity.CRITICAL if reason.lasting else Severity.WARNING,
        source,
        authority,
        distinction,
        words,
        facts,
        now,
    )


def _storing(secret: str) -> tuple[Template, ...]:
    """Two commands, by the kind of the ARN: see the secret without its value, and store another value."""
    if name := secret.partition(":parameter")[2]:
        shown = "Parameter.[Name,Version,LastModifiedDate]"
        look = command(
            "aws ssm get-parameter --region {region} --name {secret} --query {shown}", secret=secret, shown=shown
        )
        put = (
            "aws ssm put-parameter --region {{region}} --overwrite --type SecureString --value file://oauth.json"
            " --name {} $(aws ssm describe-parameters --region {{region}} --parameter-filters {{filters}}"
            " --query {{its_key}} --output text)"
        )
        if name.count("/") > 1:
            filters = f"Key=Name,Values={name}"
            return look, command(put.format("{name}"), name=name, filters=filters, its_key=_ITS_KEY)
        # The ARNs of /oauth and oauth are equal, and SSM stores under names alone.
        filters = f"Key=Name,Values={name},{name.removeprefix('/')}"
        stored = '"$(aws ssm get-parameter --region {region} --name {secret} --query Parameter.Name --output text)"'
        return look, command(put.format(stored), secret=secret, filters=filters, its_key=_ITS_KEY)
    return (
        command("aws secretsmanager describe-secret --region {region} --secret-id {secret}", secret=secret),
        command(
            "aws secretsmanager put-secret-value --region {region} --secret-id {secret} --secret-string file://oauth.json",
            secret=secret,
        ),
    )


def sources_disagree(
    *,
    source: SourceName,
    other: SourceName,
    authority: str,
    mine: Sequence[str],
    theirs: Sequence[str],
    since: datetime,
    now: datetime,
) -> Alert:
    """Two organisations of one region are shown different current certificates."""
    words = Words(
        title=f"two sources see different {plain(authority, AUTHORITY)} certificates",
        happened=f"{source.id} and {other.id} have been shown different current certificates since {when(since)}.",
        means=(
            "A region has one current certificate, so both should see the same. Each of the two verifies under a"
            " root that you trust, and both are trusted where a bundle uses both sources."
        ),
        do=(
            "Check that both OAuth clients belong to the region that the watch file says. If they do, ask Genesys"
            " support which certificate is theirs."
        ),
    )
    facts = {f"{source.id} sees": short(mine), f"{other.id} sees": short(theirs), "since": when(since)}
    return about_source(
        Kind.SOURCES_DISAGREE, Severity.WARNING, source, authority, f"{other.id}:{stamp(since)}", words, facts, now
    )


def clock_ahead(*, source: SourceName, found: Mapping[str, datetime], since: datetime, now: datetime) -> Alert:
    """The state holds times from the future: ``found``, what they say they are of, in words."""
    times = "1 time that lies" if len(found) == 1 else f"{len(found)} times that lie"
    words = Words(
        title="the state holds times from the future",
        happened=f"What is known of {source.id} holds {times} in the future.",
        means=(
            "The clock of an earlier run was ahead, or somebody wrote the file. These times count as unknown now: what"
            " began then begins now, and nothing is removed before the source has been read again. A run with a wrong"
            " clock may have dropped certificates too early."
        ),
        do=(
            "Nothing, if it happened once. If it comes again: on a machine of your own, set its clock; in AWS, find out"
            " who writes the source's history, whose versions this lists:"
        ),
        command=versions(keys.history(source.id)),
    )
    facts = {plain(label): when(moment) for label, moment in [*found.items()][:_MOST_TIMES]}
    facts |= {"more": f"and {len(found) - _MOST_TIMES} more"} if len(found) > _MOST_TIMES else {}
    facts |= {"now": when(now)}
    return about_source(Kind.CLOCK_AHEAD, Severity.WARNING, source, None, stamp(since), words, facts, now)
