"""Whether the network lets a function through to the services that it calls: a connection, with its TLS handshake.

Nothing is asked of a service, so no right is needed and nothing stands in the account's trail.
"""

import socket
import ssl
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from urllib.parse import urlsplit

_AT_LEAST = 0.01
TAKES = 5.0
"""Seconds after which a service counts as not reached, whatever its addresses: S3 has eight."""


def failures(urls: Mapping[str, str]) -> dict[str, str]:
    """Of each service, whose URL is given, why it is not reached; empty where it is.

    Once the names are known it takes ``TAKES`` seconds or less. ``urls``: ``https://host`` or
    ``https://host:port``; with ``http`` a connection is enough.
    """
    if not urls:
        return {}
    context = ssl.create_default_context()
    with ThreadPoolExecutor(len(urls)) as pool:
        return dict(zip(urls, pool.map(partial(_failure, context), urls.values()), strict=True))


def _failure(context: ssl.SSLContext, url: str) -> str:
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme != "http"
    port = parts.port or (443 if secure else 80)
    place = f"{host}:{port}"
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return f"{place}: the name is not known"
    until, why = time.monotonic() + TAKES, ""
    for tried, address in enumerate(found):
        try:
            _connect(address, context if secure else None, host, until, len(found) - tried)
        except TimeoutError:
            why = f"{place}: no answer in {TAKES:.0f} seconds"
        except OSError as error:  # refused, unreachable, and every fault of TLS
            why = f"{place}: {error.strerror or type(error).__name__}"
        else:
            return ""
    return why


def _connect(address: Any, context: ssl.SSLContext | None, host: str, until: float, places: int) -> None:
    """Connect to one of ``places`` addresses that are left, in its share of the time. Raises OSError."""
    family, kind, protocol, _, at = address
    with socket.socket(family, kind, protocol) as connected:
        connected.settimeout(max(_AT_LEAST, (until - time.monotonic()) / places))
        connected.connect(at)
        if context is not None:
            connected.settimeout(max(_AT_LEAST, until - time.monotonic()))
            with context.wrap_socket(connected, server_hostname=host):
                pass
