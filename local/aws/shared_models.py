"""What a process makes once of the service models, for all clients: botocore makes it anew for each.

It searches 400 folders and reads some MB for each session, and makes a function of each operation and an object of each
rule of an endpoint for each client. moto opens a session for every service when it is imported, and the watcher one for
every container.
"""

from collections.abc import Callable
from typing import Any

from botocore import endpoint_provider
from botocore.client import ClientCreator
from botocore.endpoint_provider import RuleSet
from botocore.hooks import EventAliaser
from botocore.loaders import Loader

_read: dict[tuple[str, ...], dict[Any, Any]] = {}
"""What was read, by the folders that are searched for it."""
_made: dict[tuple[Callable[..., Any], int], tuple[Any, Any]] = {}
"""What was made of a part of a model, by who made it and which part; with the part, so that it stays where it is."""
_names: dict[str, str] = {}
"""The names of events, by their former ones; all clients have the same."""


def share() -> None:
    """Let all sessions of this process share what they read and make, from now on."""

    def read(loader: Loader) -> dict[Any, Any]:
        return _read.setdefault(tuple(loader.search_paths), {})

    def methods(creator: Any, model: Any) -> dict[str, Any]:
        document = model._service_description  # noqa: SLF001
        return dict(_once(create_methods, document, lambda: create_methods(creator, model)))  # who asked adds to it

    def rule_set(**document: Any) -> Any:
        return _once(RuleSet, document["rules"], lambda: RuleSet(**document))

    known: Any = Loader
    known._cache = property(read, lambda _loader, _empty: None)  # noqa: SLF001  # botocore's own: one for each session
    aliaser: Any = EventAliaser
    aliaser._alias_name_cache = property(lambda _aliaser: _names, lambda _aliaser, _empty: None)  # noqa: SLF001
    maker: Any = ClientCreator
    create_methods = maker._create_methods  # noqa: SLF001
    maker._create_methods = methods  # noqa: SLF001
    provider: Any = endpoint_provider
    provider.RuleSet = rule_set


def _once(maker: Callable[..., Any], part: Any, make: Callable[[], Any]) -> Any:
    if (maker, id(part)) not in _made:
        _made[maker, id(part)] = part, make()
    return _made[maker, id(part)][1]
