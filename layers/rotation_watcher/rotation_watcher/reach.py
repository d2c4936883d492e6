"""From where a target is reached: the region of its calls, and the role in whose name they are made.

Pure. A base module: the watch file says it, and the adapters are chosen by it.
"""

from typing import Self

import msgspec

from rotation_watcher.expressions import Expression

_ROLE = Expression(
    r"arn:(?P<partition>aws(-[a-z]+)*):iam::(?P<account>\d{12}):role/(?P<path>([!-~]{1,510}/)?)[A-Za-z0-9+=,.@_-]{1,64}"
)


class Role(msgspec.Struct, frozen=True):
    """A parsed ARN of an IAM role."""

    partition: str
    account: str


def parse_role(arn: str) -> Role:
    """Parse a role's ARN. Raises ValueError."""
    match = _ROLE.fullmatch(arn)
    if match is None:
        raise ValueError(f"{arn!r} is no ARN of an IAM role (arn:<partition>:iam::<account>:role/<name>)")
    return Role(match["partition"], match["account"])


class Reach(msgspec.Struct, frozen=True):
    """``region`` None: the stack's, as for services without regions. ``role_arn`` None: the function's own role.

    ``external_id`` is the word that the other account's role asks for (None: it asks for none). ``bucket_account`` is
    the account to which the bucket of a place for files belongs (None: that in which it is reached).
    """

    region: str | None = None
    role_arn: str | None = None
    external_id: str | None = None
    bucket_account: str | None = None

    @property
    def account(self) -> str | None:
        """The account of the role (None: the stack's). Raises ValueError."""
        return parse_role(self.role_arn).account if self.role_arn else None

    def seen_from(self, home: str) -> Self:
        """The same with no region where it is ``home``, the stack's: equal to ``HOME`` where nothing is elsewhere."""
        return msgspec.structs.replace(self, region=None) if self.region == home else self

    @property
    def name(self) -> str:
        """Account and region as part of a key, ``222222222222-eu-west-1``; empty at home."""
        return "-".join(one for one in (self.account, self.region) if one)


def is_in(bucket: str, region: str) -> bool:
    """Whether a bucket's name says that it is the one for this region: it ends with it."""
    return bucket.endswith(f"-{region}")


HOME = Reach()
"""The stack's own region, with the function's own role."""
