"""Members of elbv2 that botocore knows since 1.44.8, for this process as a whole, moto included.

The watcher's own clients learn them from the same file (``adapters.clients``). An SDK that knows them stays as it is.
"""

import json
from collections.abc import Iterator
from typing import Any

from botocore.loaders import Loader

from local.aws import shared_models
from rotation_watcher.adapters.clients import MODELS

_EXTRAS = json.loads((MODELS / "elbv2/2015-12-01/service-2.sdk-extras.json").read_text())


def teach() -> None:
    """Let every service model that is loaded in this process from now on know the filters."""
    known: Any = Loader
    find = known._find_extras  # noqa: SLF001 - botocore's own place for what a model lacks
    if hasattr(find, "taught"):
        return

    def find_extras(self: Any, service_name: str, type_name: str, api_version: str) -> Iterator[Any]:
        yield from find(self, service_name, type_name, api_version)
        if (service_name, type_name) == ("elbv2", "service-2"):
            yield _EXTRAS

    find_extras.taught = True  # type: ignore[attr-defined]
    known._find_extras = find_extras  # noqa: SLF001
    shared_models.forget()
