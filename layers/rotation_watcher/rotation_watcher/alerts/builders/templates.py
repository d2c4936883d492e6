"""Commands and places of objects in alerts: our own words with foreign parts, and what only delivery knows.

A ``Template`` is made here alone. Its own text may hold places that are filled at delivery (``fills``); a foreign part
is made plain before it is put in, so it can neither hold such a place nor end a line, and in a command it is quoted for
the shell. Whatever is done to a Template afterwards gives ordinary text, whose places ``wording.plain`` takes away.
"""

import json
import shlex
from collections.abc import Mapping
from typing import Any

from rotation_watcher.alerts.builders.wording import plain
from rotation_watcher.alerts.fills import MARKS, Fill

_OF_TARGETS = ("elbv2", "apigateway", "apigatewayv2", "cloudfront", "cloudtrail")
"""The services of the CLI by which targets are looked at and changed: in the account of the target."""
_LONGEST = 2500
"""The most characters of a foreign part: a key has 1,024, and a copy names bucket, key and version in one."""


class Template(str):
    """A line with places that are filled at delivery. Made by the functions of this module alone."""

    __slots__ = ()


def command(words: str, /, **parts: str) -> Template:
    """A line for the shell. ``{name}`` in ``words`` is a foreign part, quoted, or else a place of ``fills``.

    Raises KeyError for a name that is neither.
    """
    return Template(
        words.format_map({**MARKS, **{name: shlex.quote(plain(one, _LONGEST)) for name, one in parts.items()}})
    )


def asks_there(line: str, bucket: str = "") -> bool:
    """Whether a command is for the account of the target. ``bucket``: of a place for files (empty: it is none)."""
    words = line.split()
    return len(words) > 1 and (words[1] in _OF_TARGETS or bool(bucket and bucket in line))


def joined(words: str, /, **lines: Template) -> Template:
    """Commands put together: a pipe, or one after another."""
    return Template(words.format_map(lines))


def invoke(function: Fill, event: Mapping[str, Any]) -> Template:
    """Calls a function of the stack, from anywhere: its answer appears in the terminal.

    Without a timeout: after the minute that is the CLI's own it would call a second time.
    """
    return command(
        f"aws lambda invoke --function-name {{{function.value}}} --region {{region}}"
        " --cli-read-timeout 0 --cli-binary-format raw-in-base64-out --payload {event} /dev/stdout",
        event=json.dumps(event),
    )


def uri(key: str) -> Template:
    """Where an object of the stack's bucket lies, for people to read."""
    return Template(f"s3://{Fill.BUCKET.mark}/{plain(key, 240)}")


def versions(key: str) -> Template:
    """Lists the versions of an object, with who owns them and when they were written."""
    return command("aws s3api list-object-versions --bucket {bucket} --prefix {key} --region {region}", key=key)


def versions_of(bucket: str, key: str) -> Template:
    """Lists id, time and size of each version of exactly this object, the newest first, whichever bucket it is in."""
    return _of_versions(bucket, key, f"Versions[?Key==`{json.dumps(key)}`].[VersionId,LastModified,Size,IsLatest]")


def delete_older(bucket: str, key: str) -> Template:
    """Deletes every version of exactly this object but the newest, for good."""
    older = _of_versions(bucket, key, f"Versions[?Key==`{json.dumps(key)}` && !IsLatest].[VersionId]")
    delete = command("aws s3api delete-object --bucket {its} --key {key} --region {region}", its=bucket, key=key)
    return joined("{older} | xargs -r -n1 {delete} --version-id", older=older, delete=delete)


def _of_versions(bucket: str, key: str, query: str) -> Template:
    return command(
        "aws s3api list-object-versions --bucket {its} --prefix {key} --region {region} --query {query} --output text",
        its=bucket,
        key=key,
        query=query,
    )
