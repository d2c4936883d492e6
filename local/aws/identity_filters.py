"""The rules of elbv2 for the identity filters of a listener (source: its model in botocore 1.44.8, its guide)."""

import re
from collections.abc import Sequence
from typing import Any

MOST = 100
FIELDS = ("subject-cn", "subject-ou", "san-dns", "san-uri")
MATCHES = ("exact", "prefix")
_VALUE = re.compile(r"[ -~]{1,256}")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(?P<colon>:.*)?")


def mistake(filters: Sequence[dict[str, Any]], *, protocol: str | None, mode: str) -> str | None:
    """Why the service refuses these filters, in words; None where it takes them."""
    if not filters:
        return None
    if protocol != "TLS":
        return "Identity filters are only supported for TLS listeners of Network Load Balancers."
    if mode != "verify":
        return f"Identity filters cannot be given in mutual authentication mode '{mode}'."
    if len(filters) > MOST:
        return f"A listener can have {MOST} identity filters, not {len(filters)}."
    return next((why for one in filters if (why := _mistake(one))), None)


def _mistake(one: dict[str, Any]) -> str | None:
    for part, allowed in (("Field", FIELDS), ("Action", ("accept",)), ("MatchType", MATCHES)):
        if one.get(part) not in allowed:
            return f"{part} '{one.get(part)}' of an identity filter must be one of {', '.join(allowed)}."
    value = str(one.get("Value", ""))
    if not _VALUE.fullmatch(value):
        return "The value of an identity filter must be 1 to 256 printable ASCII characters."
    if one["Field"] != "san-uri":
        return None
    scheme = _SCHEME.match(value)
    if scheme is None or (scheme.end() != len(value)) or (one["MatchType"] == "exact" and not scheme["colon"]):
        return f"'{value}' is no URI."
    return None
