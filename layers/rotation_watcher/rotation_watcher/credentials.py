"""Read an OAuth client out of a secret's text."""

import msgspec

from rotation_watcher.errors import UNDECODABLE, SourceError, SourceReason
from rotation_watcher.ports import Credentials


def decode_credentials(text: str, arn: str) -> Credentials:
    """The client in ``{"client_id": …, "client_secret": …}``.

    Raises SourceError(CREDENTIALS_MISSING) naming the secret's ARN and what is wrong, never its content.
    """
    try:
        credentials = msgspec.json.decode(text, type=Credentials)
    except UNDECODABLE:
        credentials = Credentials("", "")
    if not credentials.client_id or not credentials.client_secret:
        raise SourceError(
            SourceReason.CREDENTIALS_MISSING,
            f"{arn} does not hold what is expected: store a JSON object with client_id and client_secret, both filled.",
        )
    return credentials
