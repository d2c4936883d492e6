"""An alert as data, for machines: the same JSON over SNS (queues, functions, HTTPS) and as the detail of an event.

``status`` and ``key`` are always in it (docs/alerts-as-data.md).
"""

from collections.abc import Callable

import msgspec

from rotation_watcher.alerts.model import Alert

_MARK = " (cut: too long)"


def as_json(alert: Alert) -> bytes:
    """The alert as a JSON object."""
    return msgspec.json.encode({**msgspec.to_builtins(alert), "status": alert.status.value, "key": alert.key})


def cut(alert: Alert, encode: Callable[[Alert], bytes], most: int) -> bytes:
    """What ``encode`` makes of the alert, at most so many bytes.

    If it is too large, its last facts are dropped and then its texts are cut, with a mark, so that it can be delivered.
    """
    body = encode(alert)
    while len(body) > most and alert.facts:
        kept = dict(list(alert.facts.items())[: len(alert.facts) // 2])
        alert = msgspec.structs.replace(alert, facts=kept)
        body = encode(_marked(alert))
    longest = most
    while len(body) > most and longest:
        longest //= 2
        alert = msgspec.structs.replace(
            alert,
            **{
                name: _shortened(getattr(alert, name), longest)
                for name in ("what_happened", "what_it_means", "what_to_do")
            },
        )
        body = encode(_marked(alert))
    return body


def _marked(alert: Alert) -> Alert:
    return msgspec.structs.replace(alert, facts={**alert.facts, "cut": "more did not fit into the message"})


def _shortened(words: str, longest: int) -> str:
    return words if len(words) <= longest else words[:longest] + _MARK
