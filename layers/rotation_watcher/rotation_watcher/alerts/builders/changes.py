"""Alerts about what the watcher does to a target: planned, done and proved, failed, or taken back."""

from collections.abc import Sequence
from datetime import datetime

from rotation_watcher import keys
from rotation_watcher.alerts.builders.subjects import Words, about_target, files_at
from rotation_watcher.alerts.builders.target_commands import APPLY, look, releasing, who_changed
from rotation_watcher.alerts.builders.templates import Template, command, uri, versions
from rotation_watcher.alerts.builders.wording import DEFECT, count, listed, plain, refusing, sentence, stamp, when
from rotation_watcher.alerts.model import Alert, Kind, Severity, TargetName
from rotation_watcher.x509.facts import CertificateFacts

_PROOFS = {
    "bytes": "The deployed bundle was read back and holds exactly what was meant.",
    "version": "The service says that it uses exactly this object version.",
    "etag": (
        "The service does not give back what it holds; it shows the ETag that it answered to this update, as settled,"
        " with as many certificates as were sent."
    ),
}
_AGAIN = "The next scheduled run tries again."
_SHOWS = " This shows what is planned, and what stands in the way:"
_REMEDIES = {
    "target-not-found": (
        "Check whether the target was deleted or made anew. Name the ARN that is right in TargetArns (and the watch"
        " file), or take it out of them if it is gone for good, and deploy."
    ),
    "target-denied": (
        "Check that TargetArns of the stack lists this target. If it does, read which permission the message names: a"
        " policy of your organisation may forbid it."
    ),
    "role-refused": (
        "Compare TargetRoleArns of the watcher's stack, PublishRoleArn and ExternalId of the role's own stack"
        " (accounts/target-role.yaml), and role_arn and external_id in the watch file, and deploy what differs. If"
        " nothing does, a policy of an organisation may forbid sts:AssumeRole."
    ),
    "role-unanswered": (f"Look at the AWS Health Dashboard for STS in the watcher's region. {_AGAIN}"),
    "bucket-unusable": (
        "Deploy accounts/region-bucket.yaml in that region, in the watcher's account, with the stack's output"
        " PublishRoleArn; if the bucket keeps no versions, turn versioning on. A bucket of another name is named in"
        " RegionBucketArns of the stack, and of the roles' stacks."
    ),
    "target-busy": f"Nothing yet. {_AGAIN}",
    "target-failed": f"Read what the service said (What happened). {_AGAIN}",
    "bundle-rejected": (
        "One bad certificate rejects the whole bundle: check the files below extra/ first, then the certificates"
        " that others put into the target. It is tried again when the content has changed."
    ),
    "still-updating": (
        f"Check the target in the AWS console; an update that hangs for long is a case for AWS support. {_AGAIN}"
    ),
    "unproven": f"Find out who else changes this target (CloudTrail), and stop it. {_AGAIN}",
    "held": (
        "Find out why it is held: the alert rolled-back says so, or the answer to the first command, which shows what a"
        " release would do. Then release the target (second command)."
    ),
    "would-refuse": (
        "Check what others put into the target, and the files below extra/: a certificate there stands in the way,"
        " such as another CA of the same name."
    ),
    "foreign-unreadable": (
        "Check what others put into the target: a block there is no certificate. Take it out by hand."
    ),
    "too-many-certificates": (
        "Take out certificates of others that nobody needs any more, or have the quota raised at AWS and then raise"
        " max_certificates of this target in the watch file."
    ),
    "warnings": (
        "Read the warnings (What happened): there is a certificate in the truststore that the service does not like."
        " Check what others put into the target, and the files below extra/. Mutual TLS stays on meanwhile."
    ),
    "internal-error": DEFECT.format(function="PublishFunction"),
    "too-many-filters": (
        "A listener holds 100 identity filters, and this cannot be raised. Take out filters of others that nobody needs"
        " any more, or serve some of these clients by another listener."
    ),
    "would-open": "Read the alerts about the sources of this target's bundle: none of them has a name to be admitted.",
    "sdk-too-old": (
        "Add the boto3 that the message names to requirements/layer.in, lock and deploy (the Lambda"
        " runtime's own is older); or take the listener out of TargetArns until the runtime has it."
    ),
    "withdrawn": (
        "Take the filter out by hand if it must not wait: put another one there first, since an empty list admits"
        " everybody whom the trust store admits."
    ),
    "content-unknown": (
        "Find out who changed it last (second command, CloudTrail) and from which file. If that file holds exactly what"
        " the target holds now, say so: copy it to where the third command says, with its place instead of"
        " FILE.pem. It counts for this ETag alone, and the watcher adds to it. If an update of the watcher was cut off,"
        " the file is the newest version of its own bundle (fourth command)."
    ),
    "nothing-known": "Read the alerts about the sources of this target's bundle: one of them has to be repaired first.",
}
_REMEDIES_BY_ROLE = {
    "target-failed": (
        "Read what the service said (What happened). If it does not find the bundle, the role may not read the bucket:"
        " TargetRoleArns of the watcher's stack and of the regional bucket's must list it; a role that was made anew is"
        f" taken out, deployed, put in and deployed again (docs/accounts.md). {_AGAIN}"
    ),
    "target-not-found": (
        "Check whether the target was deleted or made anew. Name the ARN that is right in the watch file and in"
        " TargetArns of its role's stack (accounts/target-role.yaml). A domain's ARN names no account: check that"
        " role_arn is a role of the account that has it."
    ),
    "target-denied": (
        "Check that TargetArns of its role's stack (accounts/target-role.yaml) lists this target, and that the stack"
        " has the template of this release. If so, read which permission the message names: a policy of an organisation"
        " may forbid it."
    ),
}
"""The same where the target is reached in the name of a role of its account."""


def change_planned(
    *,
    target: TargetName,
    bundle: str,
    added: Sequence[CertificateFacts],
    removed: Sequence[CertificateFacts],
    moved: Sequence[CertificateFacts] = (),
    kept: int,
    refused: Sequence[CertificateFacts],
    presented: bool,
    content: str,
    since: datetime,
    now: datetime,
) -> Alert:
    """In observe mode: what would be done.

    ``refused``: the accepted leaves that the target does not let in now; ``presented``: Genesys presents one of them.
    """
    plan = f"The watcher would add {count(len(added))}, remove {len(removed)} and keep {kept}."
    if moved:
        plan += f" It would put {_in_another_place(moved)}."
    elif not added and not removed:
        plan = (
            f"The watcher would write its files anew; the {count(kept)} stay."
            if files_at(target.arn)
            else f"The watcher would point the target back at its own file; the {count(kept)} stay."
        )
    words = Words(
        title=f"{'it refuses what Genesys presents' if presented else 'a change is due'} (mode: observe)",
        happened=f"{plan} In observe mode it changes nothing.",
        means=(
            refusing(len(refused), will_heal=False)
            if refused
            else "Data actions fail once Genesys presents a certificate for which something is missing here."
            if added
            else "Every certificate that Genesys presents is let in as the target stands."
        ),
        do=(
            f"Read the plan (first command). If it is right, {APPLY}: the watcher then does it and proves it. To do it"
            " by hand, get the CA certificates (second command), and add them to those of your other clients."
        ),
        commands=(
            look(target),
            command("aws s3 cp s3://{bucket}/{key} wanted.pem --region {region}", key=keys.wanted(bundle)),
        ),
    )
    facts = listed("would add", added, now) | listed("would remove", removed, now)
    facts |= listed("would move", moved, now) | listed("refused", refused, now) | {"content": content}
    distinction = f"{content}:{stamp(since)}"
    severity = Severity.CRITICAL if presented else Severity.WARNING
    return about_target(Kind.CHANGE_PLANNED, severity, target, distinction, words, facts, now)


def truststore_updated(
    *,
    target: TargetName,
    added: Sequence[CertificateFacts],
    removed: Sequence[CertificateFacts],
    moved: Sequence[CertificateFacts] = (),
    kept_foreign: int,
    bucket: str,
    key: str,
    version: str,
    proof: str,
    content: str,
    since: datetime,
    now: datetime,
) -> Alert:
    """A target was changed, and the change was read back. ``since``: when it was asked for.

    That distinguishes one update from another: after drift the very same version may be deployed once more.
    """
    done = f"The watcher added {count(len(added))} and removed {len(removed)}."
    if not added and not removed:
        done = f"The watcher put {_in_another_place(moved) if moved else 'its own file in place'}."
        done += " None was added or removed."
    elif moved:
        done += f" It put {_in_another_place(moved)}."
    done += f" {count(kept_foreign)} of others stayed." if kept_foreign else ""
    words = Words(
        title="updated and proved",
        happened=done,
        means=(
            "Every accepted current and upcoming certificate of Genesys verifies against it."
            f" {_PROOFS.get(proof, plain(proof))}"
        ),
        do="Nothing. The runbook says how to roll back, should anything go wrong.",
    )
    facts = listed("added", added, now) | listed("removed", removed, now) | listed("moved", moved, now)
    facts |= {"object": f"s3://{bucket}/{key}", "version": plain(version), "proof": plain(proof)}
    return about_target(Kind.TRUSTSTORE_UPDATED, Severity.INFO, target, f"{content}:{stamp(since)}", words, facts, now)


def _in_another_place(moved: Sequence[CertificateFacts]) -> str:
    """How many of ours have another place, and why."""
    return f"{count(len(moved))} of its own in another place, because a CA of the same name has ended"


def shared_authority_deployed(
    *,
    target: TargetName,
    at_load_balancer: bool,
    authorities_subjects: Sequence[str],
    pins_key: str,
    at_cloudfront: bool = False,
    now: datetime,
) -> Alert:
    """The DigiCert trap: the CA signs for many customers. Neither at a load balancer nor CloudFront: API Gateway."""
    cure = (
        "Attach the stack's authorizer to every operation of its APIs, without caching (AuthorizerBundle;"
        " docs/doors.md), or compare the client certificate with the pins below in one of your own."
    )
    if at_load_balancer:
        cure = (
            "A Network Load Balancer: name its listener as a target, and it gets identity filters. An Application Load"
            " Balancer: its backend compares the header X-Amzn-Mtls-Clientcert-Leaf with the pins below."
        )
    elif at_cloudfront:
        cure = (
            "Give each distribution the connection function that compares the client certificate with the pins below"
            " (docs/doors.md, doors/cloudfront)."
        )
    if files_at(target.arn):
        cure = "Let the servers that read these files compare the leaf with pins.txt or identity.json (docs/files.md)."
    words = Words(
        title="its truststore lets in every customer of a public CA",
        happened="CA certificates of DigiCert are in it, as the watch file asks or has asked.",
        means=(
            "That CA signs client certificates for many customers. The truststore alone lets every one of them in, not"
            " only Genesys."
        ),
        do=(
            f"{cure} Or switch the integration to the Genesys authority, which signs for nobody else. If identity is"
            ' compared elsewhere, say so in the target\'s "shared_authority".'
        ),
    )
    facts = {f"root {place}": plain(subject) for place, subject in enumerate(authorities_subjects, start=1)}
    return about_target(
        Kind.SHARED_AUTHORITY_DEPLOYED,
        Severity.WARNING,
        target,
        stamp(now),
        words,
        facts | {"pins": uri(pins_key)},
        now,
    )


def truststore_update_failed(
    *,
    target: TargetName,
    reason: str,
    message: str,
    missing: Sequence[CertificateFacts],
    content: str,
    adopt: str = "",
    off: bool = False,
    unread: bool = False,
    since: datetime,
    now: datetime,
) -> Alert:
    """A target could not be brought to what is wanted. ``missing`` are leaves that it does not admit now.

    ``off``: its mutual TLS is off. ``unread``: it could not be read, and ``missing`` is by what was proved last.
    ``adopt``: where an operator says what the target holds, if that is what is not known.
    """
    if adopt:
        means = (
            "The watcher does not touch the target, since what others keep in it could be lost: it does not follow a"
            " rotation of Genesys either, and cannot tell which certificates it admits."
        )
    elif off:
        means = (
            "Its mutual TLS is off: whoever reaches it comes in without a client certificate, and the watcher cannot"
            " turn it on again."
        )
    elif missing and unread:
        means = (
            f"By what the watcher proved last, the target refuses {count(len(missing), 'accepted certificate')} of"
            " Genesys (listed below), if nobody else has changed it: data actions fail as long as one of them is"
            " presented."
        )
    elif missing:
        means = (
            f"As it stands the target refuses {count(len(missing), 'accepted certificate')} of Genesys (listed below):"
            " data actions fail as long as one of them is presented."
        )
    elif reason == "target-not-found":
        means = (
            "The watcher looks after nothing by this ARN. If the target was made anew or the ARN is mistyped, the one"
            " that is in use follows no rotation, and is not known to admit Genesys."
        )
    else:
        means = "The target goes on with what it holds; it is not known to refuse any certificate of Genesys."
    held = reason == "held"
    what = "its identity filters" if ":listener/" in target.arn else "it"
    words = Words(
        title=f"{what} could not be updated ({plain(reason, 24)})",
        happened=sentence(message, 500),
        means=means,
        do=_remedy(target, reason) + ("" if held or adopt else _SHOWS),
        commands=_adopting(target, adopt) if adopt else releasing(target) if held else (look(target),),
    )
    facts = {"reason": plain(reason), "since": when(since)} | listed("refused", missing, now)
    return about_target(
        Kind.TRUSTSTORE_UPDATE_FAILED,
        Severity.CRITICAL if missing or off else Severity.WARNING,
        target,
        f"{reason}:{content[:16]}:{stamp(since)}",
        words,
        facts,
        now,
    )


def _remedy(target: TargetName, reason: str) -> str:
    known = _REMEDIES | _REMEDIES_BY_ROLE if target.account else _REMEDIES
    return known.get(reason, known["target-failed"])


def _adopting(target: TargetName, key: str) -> tuple[Template, ...]:
    """What it shows, who changed it, how to say what it holds, and what the watcher sent last."""
    store = target.arn.rpartition("/")[2]
    return (
        command("aws cloudfront get-trust-store --identifier {store} --output json", store=store),
        who_changed(target.arn, "UpdateTrustStore"),
        command("aws s3 cp FILE.pem s3://{bucket}/{key} --region {region}", key=key),
        versions(keys.deployed(keys.target(target.arn))),
    )


def still_trusted(
    *,
    target: TargetName,
    lingering: Sequence[CertificateFacts],
    why: str,
    remedy: str,
    held: bool,
    since: datetime,
    now: datetime,
) -> Alert:
    """What only a withdrawn approval wanted is still in the target.

    ``why`` and ``remedy``: one sentence each. ``held``: a release is the remedy.
    """
    words = Words(
        title=f"{count(len(lingering))} still trusted whose approval is withdrawn",
        happened=f"An approval was withdrawn, and what it let in is still there. {sentence(why, 500)}",
        means=(
            "Whoever holds a certificate issued below what is listed here is still let in. The pins hold nothing of it"
            " any more: who checks them refuses it."
        ),
        do=(
            f"{sentence(remedy, 300)} If the withdrawal was a mistake, write the approval again."
            f" {'See what a release would do (first command), then release (second).' if held else _SHOWS.strip()}"
        ),
        commands=releasing(target) if held else (look(target),),
    )
    facts = listed("still trusted", lingering, now) | {"since": when(since)}
    distinction = f"withdrawn:{stamp(since)}"
    return about_target(Kind.TRUSTSTORE_UPDATE_FAILED, Severity.CRITICAL, target, distinction, words, facts, now)


def rolled_back(
    *,
    target: TargetName,
    from_version: str,
    to_version: str,
    why: str,
    by_hand: bool,
    returned: Sequence[CertificateFacts],
    left: Sequence[CertificateFacts],
    now: datetime,
) -> Alert:
    """An earlier version is deployed again, and held. ``returned`` and ``left`` compare it with what was live."""
    ends = "until you release it" if by_hand else "until there is other content to deploy, or you release it"
    words = Words(
        title="rolled back to an earlier version",
        happened=(
            f"{sentence(why, 400)} {count(len(returned))} came back and {count(len(left))} left; what others put there"
            " stayed."
        ),
        means=(
            "The watcher's own certificates are again those of the earlier version, and that is proved."
            f" The target is held {ends}: meanwhile"
            f" {'nothing new is deployed' if by_hand else 'the same content is not tried again'}."
        ),
        do=(
            "Find out what was wrong, and see what a release would do (first command). Then release the target (second"
            " command)."
        ),
        commands=releasing(target),
    )
    facts = listed("came back", returned, now) | listed("left", left, now)
    facts |= {"from version": plain(from_version), "to version": plain(to_version)}
    return about_target(
        Kind.ROLLED_BACK,
        Severity.WARNING if by_hand else Severity.CRITICAL,
        target,
        f"{from_version}:{to_version}:{stamp(now)}",
        words,
        facts,
        now,
    )
