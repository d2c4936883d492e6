"""Give a class of moto other methods for a while, and give it back its own afterwards."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_ABSENT = object()


@contextmanager
def patched(owner: type, methods: Mapping[str, Callable[..., Any]]) -> Iterator[None]:
    """Set ``methods`` on ``owner`` for the length of the block.

    moto finds an operation by looking for a plain function of its name on the response class, so each handler is
    wrapped in one; the handler gets the response object first.
    """
    before = {name: owner.__dict__.get(name, _ABSENT) for name in methods}
    for name, handler in methods.items():
        setattr(owner, name, _plain(handler))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is _ABSENT:
                delattr(owner, name)
            else:
                setattr(owner, name, value)


def _plain(handler: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **more: Any) -> Any:
        return handler(self, *args, **more)

    return method
