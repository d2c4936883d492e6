"""Whether the network lets a function through to the services that it calls: a connection, with its TLS handshake.

Nothing is asked of a service, so no right is needed and nothing stands in the account's trail.
"""

import socket
import ssl
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from urllib.parse import urlsplit

TAKES = 5.0
"""Seconds after which a service counts as not reached: two tries at a lost packet."""


def failures(urls: Mapping[str, str]) -> dict[str, str]:
    """Of each service, whose URL is given, why it is not reached; empty where it is. Takes ``TAKES`` seconds or less.

    ``urls``: ``https://host`` or ``https://host:port``; with ``http`` a connection is enough.
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
        with socket.create_connection((host, port), timeout=TAKES) as connected:
            if secure:
                with context.wrap_socket(connected, server_hostname=host):
                    pass
    except socket.gaierror:
        return f"{place}: the name is not known"
    except TimeoutError:
        return f"{place}: no answer in {TAKES:.0f} seconds"
    except OSError as error:  # refused, unreachable, and every fault of TLS
        return f"{place}: {error.strerror or type(error).__name__}"
    return ""
