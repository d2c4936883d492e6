"""Members of elbv2 that botocore knows since 1.44.8, for the older one that the tests' lock holds.

Source of the shapes: elbv2's service model in botocore 1.44.8. Where the SDK knows them, nothing changes.
"""

from collections.abc import Iterator
from typing import Any

from botocore.loaders import Loader

_MEMBER = "ClientCertificateIdentityFilters"
_ONE = "ClientCertificateIdentityFilter"
_PARTS = ("Field", "Action", "MatchType", "Value")
_EXTRAS: dict[str, Any] = {
    "merge": {
        "shapes": {
            "MutualAuthenticationAttributes": {"members": {_MEMBER: {"shape": _MEMBER}}},
            _MEMBER: {"type": "list", "member": {"shape": _ONE}, "max": 100},
            _ONE: {
                "type": "structure",
                "required": [*_PARTS],
                "members": {part: {"shape": f"{_ONE}{part}"} for part in _PARTS},
            },
            **{f"{_ONE}{part}": {"type": "string"} for part in _PARTS},
            f"{_ONE}Value": {"type": "string", "max": 256, "min": 1},
        }
    }
}


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
