"""``genesys-certs approve``: an operator's word that lets one quarantined certificate pass."""

import getpass
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import click
import msgspec

from genesys_certs import options, output
from genesys_certs.exits import FAILED, Exit
from genesys_certs.problems import Problem
from genesys_certs.stack import Stack
from rotation_watcher import keys
from rotation_watcher.alerts.builders.quarantine import APPROVAL_LASTS
from rotation_watcher.alerts.builders.wording import certificate, plain, when
from rotation_watcher.sources import history
from rotation_watcher.sources.history import Quarantined
from rotation_watcher.sources.repository import load_seen
from rotation_watcher.trust.approvals import ABOUT_APPROVALS, APPROVABLE, Approval, encode_approval
from rotation_watcher.trust.findings import CHAIN_REASONS, Reason
from rotation_watcher.x509.certificates import Block, Certificate, parse_bundle
from rotation_watcher.x509.pem import Defect

_FEWEST = 8
"""Digits of a fingerprint that must be given."""


class Held(NamedTuple):
    """One quarantined leaf, and where it was seen."""

    source: str
    region: str
    authority: str
    sha256: str
    entry: Quarantined


@click.command("approve")
@click.argument("sha256")
@options.of_stack
@click.option("--by", metavar="NAME", help="Who approves [default: your login name].")
@click.option("--why", metavar="WORDS", help="Why: it stands in the alert that everybody gets.")
@click.option(
    "--days", type=click.IntRange(1), default=APPROVAL_LASTS.days, show_default=True, help="How long it holds."
)
@click.option(
    "--chain",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="PATH",
    help="The root, then intermediates (PEM), where Genesys does not present them.",
)
@click.option("--yes", is_flag=True, help="Ask nothing.")
def command(
    *,
    sha256: str,
    stack_name: str,
    profile: str | None,
    region: str | None,
    as_json: bool,
    by: str | None,
    why: str | None,
    days: int,
    chain: Path | None,
    yes: bool,
) -> int:
    """Let one quarantined certificate pass, by its SHA-256 (8 digits of it will do).

    Shows it with the reasons against it, and asks. Ask Genesys support whether it is theirs before you agree. What is
    approved is this certificate, for these reasons and this root, and no other.
    """
    stack = options.find(stack_name, profile, region)
    now = datetime.now(UTC)
    held = chosen(sha256, quarantined(stack))
    above = _chain(chain)
    approval = approval_of(stack, held, above, by=by or _login(), why=why, until=now + timedelta(days=days))
    if not as_json:
        output.write(_about(stack, held, approval, now))
    if not approval.why:
        if yes or as_json:
            raise click.UsageError("--why is missing: say why it may pass.")
        approval = msgspec.structs.replace(approval, why=click.prompt("Why may it pass", err=True))
    if not output.confirmed("Let this certificate pass?", yes=yes):
        click.echo("Nothing was changed.", err=True)
        return FAILED
    if chain is not None:
        stack.store.put(keys.approved_chain(held.sha256), chain.read_bytes(), content_type=keys.PEM_TYPE)
    key = keys.approval(held.sha256)
    stack.store.put(key, encode_approval(approval), content_type=keys.JSON_TYPE)
    place = f"s3://{stack.bucket}/{key}"
    if as_json:
        output.emit({"approved": held.sha256, "place": place, "reasons": approval.reasons, "root": approval.root})
    else:
        output.write([f"approved: {place}", "The next run of collect takes it, and tells everybody.", _undo(place)])
    return Exit.OK


def _login() -> str:
    """Who is logged in. In a container nobody may be."""
    try:
        return getpass.getuser()
    except OSError as error:
        raise click.UsageError("--by is missing: say who approves, since nobody is logged in by a name.") from error


def quarantined(stack: Stack) -> list[Held]:
    """What is in quarantine now, of all sources. Raises StoreError, NewerFormat."""
    found = []
    for source in stack.watch().sources:
        stored = stack.store.get(keys.history(source.id))
        state = history.decode(stored.body) if stored else None
        for name, authority in state.authorities.items() if state else ():
            for key, entry in authority.quarantine.items():
                found.append(Held(source.id, source.region, name, key, entry))
    return found


def chosen(digits: str, found: list[Held]) -> Held:
    """The one that is meant, one that the API still shows before others. Raises Problem."""
    wanted = digits.replace(":", "").strip().lower()
    if len(wanted) < _FEWEST:
        raise click.UsageError(f"Give at least {_FEWEST} digits of the SHA-256.")
    matching = sorted(
        (one for one in found if one.sha256.startswith(wanted)), key=lambda one: bool(one.entry.gone_since)
    )
    if len({one.sha256 for one in matching}) == 1:
        return matching[0]
    listed = ", ".join(f"{one.sha256[:16]} ({one.source})" for one in matching or found) or "none"
    if matching:
        raise Problem("ambiguous", f"Several begin so: {listed}.", "Give more digits.")
    raise Problem(
        "not-in-quarantine", f"No certificate in quarantine begins with {wanted[:64]}.", f"There are: {listed}."
    )


def approval_of(
    stack: Stack, held: Held, above: list[Certificate], *, by: str, why: str | None, until: datetime
) -> Approval:
    """What would be approved. Raises Problem where no approval helps, or the root is missing."""
    codes = [one.code for one in held.entry.reasons if one.code not in ABOUT_APPROVALS]
    hopeless = [code for code in codes if code not in APPROVABLE]
    if hopeless or held.entry.facts is None or not codes:
        words = f"No approval can lift {', '.join(hopeless) or 'these reasons'}."
        raise Problem("not-approvable", words, "Genesys has to present another certificate: open a case with them.")
    if Reason.ANCHOR_MISSING in codes:
        named = [one for one in stack.watch().sources if one.id == held.source and held.authority in one.authorities]
        upload = stack.upload_root(named[0], held.authority) if named else ""
        raise Problem("anchor-missing", "There is no root to trust yet; an approval is no way around it.", upload)
    root = None
    if not CHAIN_REASONS.isdisjoint(codes):
        root = _root(stack, held, above)
    return Approval(
        by=by,
        why=why or "",
        until=until.replace(hour=0, minute=0, second=0, microsecond=0),
        reasons=tuple(codes),
        root=root,
    )


def _root(stack: Stack, held: Held, above: list[Certificate]) -> str:
    """The SHA-256 of the root that the approval vouches for."""
    roots = [one for one in above if one.self_signed]
    if not roots and held.entry.chain:
        stored = stack.store.get(keys.seen(held.source, held.entry.chain[-1]))
        kept = parse_bundle(stored.body) if stored else None
        roots = [one for one in _certificates(kept) if one.self_signed] if kept else []
    if not roots:
        remedy = "Give --chain chain.pem with the root that Genesys support names, and the intermediates behind it."
        raise Problem("root-missing", "What is presented leads to no root, and an approval must name one.", remedy)
    return roots[0].facts.fingerprint


def _chain(path: Path | None) -> list[Certificate]:
    if path is None:
        return []
    blocks, defects = parse_bundle(path.read_bytes())
    found = _certificates((blocks, defects))
    if defects or len(found) != len(blocks):
        detail = defects[0].detail if defects else "a certificate in it cannot be read"
        raise Problem("bad-chain", f"{path}: {detail}", "It takes certificates in PEM, and nothing else.")
    return found


def _certificates(parsed: tuple[tuple[Block, ...], tuple[Defect, ...]]) -> list[Certificate]:
    return [block.certificate for block in parsed[0] if block.certificate is not None]


def _about(stack: Stack, held: Held, approval: Approval, now: datetime) -> Iterator[str]:
    shown = "shown no more" if held.entry.gone_since else "shown now"
    yield f"{held.source} ({held.region}), {plain(held.authority, 40)}, {held.entry.presence.value}, {shown}"
    # By its own bytes: what a history says of it is a claim, and what is approved is the certificate of this SHA-256.
    kept, claimed = load_seen(stack.store, held.source, [held.sha256]), held.entry.facts
    facts = kept[0].facts if kept else claimed and msgspec.structs.replace(claimed, fingerprint=held.sha256)
    for label, value in certificate(facts, now).items() if facts else ():
        yield f"  {label}: {value}"
    if not kept:
        yield "  So it is as the history says: the certificate itself is not kept. Ask Genesys support for its SHA-256."
    for one in held.entry.reasons:
        yield f"  against it, {one.code}: {plain(one.detail)}"
    if approval.root:
        yield f"  vouched for with it, the root SHA-256 {approval.root}"
        yield "  This root goes into the truststores: whoever it signs for gets through them."
    yield f"  until: {when(approval.until) if approval.until else 'without an end'}; by {plain(approval.by, 80)}"
    yield f"  in the stack {stack.name}, {stack.region}"


def _undo(place: str) -> str:
    return f"To take it back: aws s3 rm {place}"
