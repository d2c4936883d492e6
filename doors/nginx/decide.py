"""Answers nginx's ``auth_request``: 204 for a client certificate that is let in, 403 for any other.

A WSGI application for any server (``gunicorn --bind 127.0.0.1:9180 decide:application``). It must listen where nginx
alone reaches it: whoever else does may ask about any certificate, and learns only what the certificate's owner would.
GENESYS_IDENTITY names the file that holds ``bundles/<id>/identity.json`` (doors/README.md says how it gets there).
"""

import os
from collections.abc import Callable, Iterable
from typing import Any

from genesys_door import Guard, wsgi  # type: ignore[import-not-found]  # it lies beside this file there


def allowed(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The application behind the guard: who comes this far is let in."""
    start_response("204 No Content", [])
    return []


application = wsgi(allowed, Guard(os.environ.get("GENESYS_IDENTITY", "/etc/genesys/identity.json")))
