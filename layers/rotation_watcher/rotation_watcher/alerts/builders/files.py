"""Alerts about the files that the operator puts into the bucket, and about what of them a target does not get."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from rotation_watcher.alerts.builders.subjects import Words, about_source, about_target
from rotation_watcher.alerts.builders.templates import command, delete_older, versions_of
from rotation_watcher.alerts.builders.wording import count, listed, plain, sentence, stamp, when
from rotation_watcher.alerts.model import Alert, Kind, Severity, SourceName, TargetName
from rotation_watcher.x509.facts import CertificateFacts

_MOST_LINES = 8
_REMEDIES = {
    "missing": "Upload it, or take it out of the bundle's list in the watch file.",
    "unreadable": "Let the function's role read it: see which permission or key the message names.",
    "unterminated": "Open the file in an editor: each BEGIN line needs its END line. Then upload it again.",
    "bad-base64": "Take that block from where the file was made once more: it was cut or changed on its way.",
    "truncated": "Take that block from where the file was made once more: it was cut on its way.",
    "no-certificate": (
        "It has to be PEM text, in UTF-8 or ASCII, with a byte order mark if in UTF-16. From PKCS #7, make PEM with:"
        " openssl pkcs7 -in FILE -print_certs (and -inform DER, where it is binary)."
    ),
    "not-a-certificate": (
        "Take that block out. If it is PKCS #7, make PEM of it with: openssl pkcs7 -in FILE -print_certs."
    ),
    "not-a-ca": (
        "Put the CA certificate that issued it there instead: a truststore takes no client or server certificate."
    ),
}
_OTHERWISE = "Take out what is named below, or replace it. Then upload the file again."


def file_damaged(
    *,
    subject: SourceName | TargetName,
    bucket: str,
    key: str,
    faults: Sequence[tuple[int, str, str]],
    used: int,
    since: datetime,
    now: datetime,
) -> Alert:
    """A file of the operator's cannot be used, or not the whole of it.

    ``faults`` are line (0: of the file as a whole), code and words; ``used`` is how many certificates of it are used.
    """
    codes = [code for _, code, _ in faults]
    place = f"s3://{bucket}/{key}"
    exposed = "private-key" in codes
    where = f"{key}, line {faults[0][0]}" if faults[0][0] else key
    happened = f"There is a private key in {where}" if exposed else f"{where}: {faults[0][2]}"
    means = (
        f"{count(used)} of the file {'is' if used == 1 else 'are'} used as before; what is named below is not."
        if used
        else "Nothing of the file can be used."
    )
    means += " What the targets hold already stays: nothing is taken out of them until the file is corrected."
    if exposed:
        means = f"Whoever may read the bucket can read that key, and pass for its owner. {means}"
        do = (
            "Replace that key and its certificate wherever they are used. The bucket keeps every version of the file:"
            " list them (first command), upload the file without the key (second command), then delete all older"
            " versions (third command; nothing brings them back)."
        )
    else:
        do = _REMEDIES.get(codes[0], _OTHERWISE)
        do = f"{do.removesuffix('.')}. The command to upload it:"
    upload = command("aws s3 cp corrected.pem {place} --region {region}", place=place)
    words = Words(
        title=f"a private key lies in {key}" if exposed else f"{key} is damaged" if used else f"{key} cannot be used",
        happened=sentence(happened, 400),
        means=means,
        do=do,
        commands=(versions_of(bucket, key), upload, delete_older(bucket, key)) if exposed else (upload,),
    )
    facts = {"file": plain(place)} | _lines(faults) | {"since": when(since)}
    distinction = f"{key}:{stamp(since)}"
    severity = Severity.CRITICAL if exposed else Severity.WARNING
    if isinstance(subject, SourceName):
        return about_source(Kind.FILE_DAMAGED, severity, subject, None, distinction, words, facts, now)
    return about_target(Kind.FILE_DAMAGED, severity, subject, distinction, words, facts, now)


def _lines(faults: Sequence[tuple[int, str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line, _, text in faults:
        label = f"line {line}" if line else "the file"
        found[label] = f"{found[label]}; {plain(text)}" if label in found else plain(text)
    shown = dict(list(found.items())[:_MOST_LINES])
    return shown | ({"more": f"and {len(found) - len(shown)} more"} if len(found) > len(shown) else {})


def unusual_certificate(
    *, target: TargetName, files: Mapping[str, Sequence[CertificateFacts]], since: datetime, now: datetime
) -> Alert:
    """CAs from ``extra/`` that engines read and the watcher's own library refuses. ``files``: what is in which."""
    all_of_them = [one for held in files.values() for one in held]
    words = Words(
        title=f"{count(len(all_of_them))} of extra/ in an unusual form",
        happened=(
            f"What is listed below, from {', '.join(plain(name) for name in files)}, breaks a rule of encoding, such"
            " as a forbidden character in a name."
        ),
        means=(
            "OpenSSL and the AWS services are known to read such certificates, so it is added as you asked. Stricter"
            " software refuses it, and the watcher cannot verify anything by it."
        ),
        do="Nothing, if its clients get in. Have that CA issued anew in a proper form when there is an occasion.",
    )
    facts = listed("unusual", all_of_them, now) | {"since": when(since)}
    return about_target(Kind.UNUSUAL_CERTIFICATE, Severity.WARNING, target, stamp(since), words, facts, now)


def left_out(
    *,
    target: TargetName,
    certificates: Sequence[tuple[CertificateFacts, str, Sequence[str]]],
    needing: Sequence[CertificateFacts],
    full: bool = False,
    since: datetime,
    now: datetime,
) -> Alert:
    """The target's service refuses certificates, and a whole bundle for one of them, or (``full``) there is no room.

    ``certificates`` with the rule that each breaks, in words, and the files that want it; ``needing`` are accepted
    leaves that are not let in without them.
    """
    held = [facts for facts, _, _ in certificates]
    first, rule, files = certificates[0]
    where = f" ({', '.join(files)})" if files else ""
    title = f"{count(len(held))} left out, which this target refuses"
    means = "Every other change goes on as usual; no accepted certificate of Genesys needs what was left out."
    do = (
        "Take it out of its file, or put a certificate there that this target takes. Clients under it are refused at"
        " this target."
    )
    if needing:
        title = "it refuses a CA that Genesys needs"
        means = (
            f"{count(len(needing), 'accepted certificate')} of Genesys (listed below) cannot be let in here without it:"
            " data actions fail as long as one of them is presented. Every other change goes on as usual."
        )
        do = (
            "This target cannot serve them. Open a case with Genesys support and name the rule; meanwhile use a target"
            " that takes it, such as an API Gateway domain."
        )
    if full:
        title = "no room for a CA that Genesys needs" if needing else f"no room for {count(len(held))}"
        do = (
            "Take out certificates that nobody needs any more: what others put in, and files of the bundle's extra. Or"
            " have the quota raised at AWS, then raise max_certificates of this target in the watch file."
        )
    words = Words(
        title=title,
        happened=sentence(f"{plain(first.subject, 120)}{where}: {rule}", 500),
        means=means,
        do=do,
    )
    facts = listed("left out", held, now)
    facts |= {f"rule {one.fingerprint[:16]}": plain(broken) for one, broken, _ in certificates[1:_MOST_LINES]}
    names = dict.fromkeys(name for _, _, wanting in certificates for name in wanting)
    facts |= {"files": plain(", ".join(names))} if names else {}
    facts |= listed("refused", needing, now) | {"since": when(since)}
    severity = Severity.CRITICAL if needing else Severity.WARNING
    distinction = f"{'no-room:' if full else ''}{first.fingerprint[:16]}:{stamp(since)}"
    return about_target(Kind.LEFT_OUT, severity, target, distinction, words, facts, now)
