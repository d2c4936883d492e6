"""The watch file: which sources to read, which bundles to make, which targets to keep up to date.

One model and one validation, wherever the configuration comes from (an object in S3, or the template's parameters by
``simple``). ``load`` reports every mistake with its path and line at once, so that an operator corrects the file in one
go. What the file says is ``watch_model``, how it may be written ``watch_form``; the JSON Schema in
``docs/watch-file.schema.json`` is generated from the latter.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from rotation_watcher import arns, watch_form, watch_rules, watch_text
from rotation_watcher.errors import ConfigurationError
from rotation_watcher.expressions import Expression
from rotation_watcher.watch_mistakes import LineOf, Mistake, lines, no_line
from rotation_watcher.watch_model import (
    Authority,
    Bundle,
    Mode,
    Policy,
    QuietHours,
    RemindDays,
    Source,
    Target,
    Watch,
    WeeklyDigest,
)
from rotation_watcher.watch_rules import NOWHERE, UNKNOWN_STACK, Elsewhere

__all__ = [
    "NOWHERE",
    "UNKNOWN_STACK",
    "Authority",
    "Bundle",
    "Elsewhere",
    "Mode",
    "Policy",
    "QuietHours",
    "RemindDays",
    "Source",
    "Target",
    "Watch",
    "WeeklyDigest",
    "from_document",
    "from_kept",
    "json_schema",
    "load",
    "simple",
]


def load(
    data: bytes,
    *,
    stack_region: str,
    stack_account: str | None = None,
    elsewhere: Elsewhere = NOWHERE,
    name: str = "watch.json",
) -> Watch:
    """The watch file in ``data``, valid for a stack in ``stack_region``: YAML if ``name`` ends so, else JSON.

    ``stack_account`` None: it is not known, and only regions are compared. ``elsewhere``: what else the stack reaches.

    Raises ConfigurationError with every mistake, each beginning with its path (``targets[1].arn (line 12): …``).
    """
    text = _text(data, name)
    stack = watch_rules.Stack(stack_region, stack_account, elsewhere)
    return _checked(text.document, stack, text.line_of, text.mistakes)


def _text(data: bytes, name: str) -> watch_text.Text:
    if not name.lower().endswith(watch_text.YAML_NAMES):
        return watch_text.read(data)
    from rotation_watcher import watch_yaml  # noqa: PLC0415  # only who writes YAML pays for its parser

    return watch_yaml.read(data)


def from_document(
    document: object, *, stack_region: str, stack_account: str | None = None, elsewhere: Elsewhere = NOWHERE
) -> Watch:
    """As ``load``, from decoded JSON, of which no line is known."""
    return _checked(document, watch_rules.Stack(stack_region, stack_account, elsewhere))


def from_kept(
    document: object, *, stack_region: str, stack_account: str | None = None, elsewhere: Elsewhere = NOWHERE
) -> Watch:
    """As ``from_document``, of what was accepted before: without the targets that this stack may not serve any more.

    Its parameters, and the rules for a target, may be others since. Raises ConfigurationError for anything else.
    """

    def read(some: object) -> Watch:
        return from_document(some, stack_region=stack_region, stack_account=stack_account, elsewhere=elsewhere)

    def served(target: object) -> bool:
        try:
            read({**document, "targets": [target]} if isinstance(document, Mapping) else document)
        except ConfigurationError:
            return False
        return True

    try:
        return read(document)
    except ConfigurationError:
        if not isinstance(document, Mapping) or not isinstance(document.get("targets"), list):
            raise
    return read({**document, "targets": [one for one in document["targets"] if served(one)]})


def _checked(
    document: object, stack: watch_rules.Stack, line_of: LineOf = no_line, early: Sequence[Mistake] = ()
) -> Watch:
    """``early``: the mistakes that the text has shown already."""
    shape = watch_form.mistakes(document)
    written = watch_form.expand(document, shape)
    try:
        watch = msgspec.convert(written.document, Watch)
    except msgspec.ValidationError as error:  # the shape has a mistake that leaves nothing to go on with
        raise ConfigurationError(lines([*early, *(shape or [Mistake((), str(error))])], line_of)) from error
    found = [*early, *shape, *watch_rules.mistakes(watch, written, stack)]
    if found:
        raise ConfigurationError(lines(found, line_of))
    return watch


def simple(
    *,
    mode: str,
    region: str,
    authorities: Iterable[str],
    credentials: Iterable[str],
    targets: Iterable[str],
    stack_region: str,
    stack_account: str | None = None,
    elsewhere: Elsewhere = NOWHERE,
) -> Watch:
    """The watch file that is equivalent to the template's parameters: one region, one bundle ``main``, targets by ARN.

    The source's id is the Genesys region; a target's id follows from its ARN (``arns.target_ids``). Raises
    ConfigurationError.
    """
    arn_list = [arn for arn in targets if arn]
    secrets = [arn for arn in credentials if arn]
    chosen = [authority for authority in authorities if authority]
    mistakes = []
    if not region:
        mistakes.append("GenesysRegion: empty: give the AWS region name of your Genesys Cloud organisation")
    if len(secrets) != 1:
        mistakes.append(
            f"CredentialArns: the simple case takes exactly one ARN, found {len(secrets)}: use WatchFileUri"
        )
    if mistakes:
        raise ConfigurationError(mistakes)
    document = {
        "mode": mode,
        "sources": [{"id": region, "region": region, "credentials": secrets[0], "authorities": chosen}],
        "bundles": [{"id": "main", "sources": [region], "authorities": chosen}],
        "targets": [
            {"id": name, "arn": arn, "bundle": "main"}
            for name, arn in zip(arns.target_ids(arn_list), arn_list, strict=True)
        ],
    }
    try:
        return from_document(document, stack_region=stack_region, stack_account=stack_account, elsewhere=elsewhere)
    except ConfigurationError as error:
        raise ConfigurationError([*dict.fromkeys(map(_of_parameter, error.mistakes))]) from error


_PARAMETERS = (
    (Expression(r"sources\[0\]\.(api|login)_url: missing, and "), "GenesysRegion: "),
    (Expression(r"sources\[0\]\.(id|region): "), "GenesysRegion: "),
    (Expression(r"sources\[0\]\.credentials: "), "CredentialArns: "),
    (Expression(r"(sources|bundles)\[0\]\.authorities(\[\d+\])?: "), "Authorities: "),
    (Expression(r"targets\[\d+\]\.(arn|id): "), "TargetArns: "),
    (Expression(r"mode: "), "Mode: "),
)
"""Paths of the watch file that stands for the parameters, and the parameter that each comes from."""


def _of_parameter(mistake: str) -> str:
    """A mistake by the name of its parameter, which is all that the operator has written."""
    for path, parameter in _PARAMETERS:
        if path.match(mistake):
            return path.sub(parameter, mistake, count=1)
    return mistake


def json_schema() -> dict[str, Any]:
    """The JSON Schema of the watch file, as it is written."""
    schema = msgspec.json.schema(watch_form.WatchFile)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Watch file", **schema}
