"""Read an OAuth client out of a secret's text."""

import msgspec

from rotation_watcher.errors import UNDECODABLE, SourceError, SourceReason
from rotation_watcher.ports import Credentials


def decode_credentials(text: str, arn: str) -> Credentials:
    """The client in ``{"client_id": …, "client_secret": …}``, with or without a byte order mark before it.

    Raises SourceError(CREDENTIALS_MISSING) naming the secret's ARN and what is wrong, never its content.
    """
    try:
        credentials = msgspec.json.decode(text.removeprefix("\ufeff"), type=Credentials)
    except (*UNDECODABLE, UnicodeEncodeError):  # the latter for half a surrogate pair, which no UTF-8 can hold
        credentials = Credentials("", "")
    if not credentials.client_id or not credentials.client_secret:
        raise SourceError(
            SourceReason.CREDENTIALS_MISSING,
            f"{arn} does not hold what is expected: store a JSON object with client_id and client_secret, both filled.",
        )
    if any(value != value.strip() for value in (credentials.client_id, credentials.client_secret)):
        raise SourceError(
            SourceReason.CREDENTIALS_MISSING,
            f"{arn} holds a client_id or client_secret with white space around it, such as a line's end that was"
            " copied along: store it without.",
        )
    return credentials
