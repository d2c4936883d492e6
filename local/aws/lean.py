"""moto without what it does anew at every call, or for developers and browsers, which nobody here asks for.

Nothing that a client can see is left out but the headers for browsers (CORS), which the services do not send either.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch

from moto import backends, settings
from moto.core import responses
from moto.core.utils import method_names_from_class
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app


def dispatcher() -> Any:
    """Return moto's web application of all services."""
    made: Any = DomainDispatcherApplication(_application)
    # It tries the patterns of all services, some two hundred, at every request.
    made.get_backend_for_host = cache(made.get_backend_for_host)
    return made


@contextmanager
def lean() -> Iterator[None]:
    """For the length of the block. Whoever gives moto's response classes other operations does so before."""
    modules = tuple(backends.list_of_moto_modules())  # moto's folder: a hundred stats
    with (
        patch.object(backends, "list_of_moto_modules", lambda: modules),
        patch.object(responses, "method_names_from_class", cache(method_names_from_class)),
        patch.object(responses, "gen_amzn_requestid_long", _request_id),
        # Thirteen hundred machine images would be made for every VPC's account.
        patch.object(settings, "ec2_load_default_amis", lambda: False),
    ):
        yield


@cache
def _application(service: Any) -> Any:
    """Return moto's web application of a service, made once in a process: it has routes and no state."""
    application = create_backend_app(service)
    application.debug = False
    application.config["PROPAGATE_EXCEPTIONS"] = True
    application.after_request_funcs.clear()  # CORS
    return application


def _request_id(headers: dict[str, str]) -> str:
    """As many signs as moto's, which draws them one by one."""
    headers["x-amzn-requestid"] = made = secrets.token_hex(26)
    return made
