"""Builds the authorizer from its environment: apart from ``bootstrap``, whose imports take longer than it may."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from botocore.credentials import ReadOnlyCredentials

from rotation_watcher import __version__
from rotation_watcher.adapters.mapped import MappedFiles
from rotation_watcher.adapters.signed_http import Access, InvokedCollect, SignedS3
from rotation_watcher.authorize import Ports
from rotation_watcher.errors import ConfigurationError
from rotation_watcher.identity.door import Door
from rotation_watcher.identity.waking import Waker

_NEEDED = ("BUCKET", "BUNDLE", "COLLECT_FUNCTION", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_FORMS = ("simple", "iam")


def _now() -> datetime:
    return datetime.now(UTC)


def _log(entry: Mapping[str, Any]) -> None:
    """One line of JSON: Lambda takes it over as it is."""
    sys.stdout.write(f"{json.dumps({**entry, 'version': __version__})}\n")
    sys.stdout.flush()


def build(
    environment: Mapping[str, str] | None = None,
    *,
    clock: Callable[[], datetime] = _now,
    log: Callable[[Mapping[str, Any]], None] = _log,
) -> Ports:
    """The ports of authorize. Raises ConfigurationError naming every variable that is missing or not understood."""
    os.environ.pop("SSLKEYLOGFILE", None)  # urllib3 writes the keys of TLS connections there
    given = os.environ if environment is None else environment
    mistakes = [f"{name}: not set in the function's environment" for name in _NEEDED if not given.get(name)]
    form = given.get("ANSWER") or "simple"
    if form not in _FORMS:
        mistakes.append(f"ANSWER: {form!r} is none of {', '.join(_FORMS)}")
    if mistakes:
        raise ConfigurationError(mistakes)
    access = Access(
        given["AWS_REGION"],
        ReadOnlyCredentials(
            given["AWS_ACCESS_KEY_ID"], given["AWS_SECRET_ACCESS_KEY"], given.get("AWS_SESSION_TOKEN"), None
        ),
        {name: url.rstrip("/") for name in ("s3", "lambda") if (url := _endpoint(given, name))},
        fips=given.get("AWS_USE_FIPS_ENDPOINT", "").lower() == "true",  # as botocore reads it
    )
    objects = SignedS3(access, given["BUCKET"], owner=given.get("ACCOUNT_ID") or None)
    waker = Waker(objects, InvokedCollect(access, given["COLLECT_FUNCTION"]), clock)
    door = Door(objects, given["BUNDLE"], MappedFiles(Path(gettempdir())), clock)
    return Ports(door, waker, log, "iam" if form == "iam" else "simple", given.get("ONLY_REGION") or None)


def _endpoint(given: Mapping[str, str], service: str) -> str | None:
    return given.get(f"AWS_ENDPOINT_URL_{service.upper()}") or given.get("AWS_ENDPOINT_URL")
