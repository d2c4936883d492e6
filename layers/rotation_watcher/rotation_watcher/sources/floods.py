"""A flood is one event: which entities are alerted one by one, and what one alert says of the rest."""

from collections import Counter
from collections.abc import Collection, Iterable

from rotation_watcher.alerts import builders
from rotation_watcher.alerts.conditions import Lasting, Observed
from rotation_watcher.alerts.model import Kind
from rotation_watcher.sources import keys_of_conditions as keys
from rotation_watcher.sources.bounds import UNKNOWN
from rotation_watcher.sources.context import Context
from rotation_watcher.sources.history import History
from rotation_watcher.sources.observation import Flood

_BLIND = "no-accepted-current"
ONE_BY_ONE = 10
"""Open conditions about single entities of one authority, over the day that each lasts: what comes on top is a flood,
also where it comes a few at a time."""


def grouped(
    history: History,
    quarantined: Collection[Observed],
    floods: Iterable[Flood],
    with_accepted: Collection[str],
    context: Context,
) -> list[Observed]:
    """What of the ``quarantined`` is alerted one by one, and one condition for each authority of which there is more.

    ``with_accepted``: the authorities of which the answer shows an accepted current leaf. What is open already stays.
    While there is a flood of an authority, nothing new of it is alerted one by one. Another one at each look is a flood
    too, for each is gone before it could be told; without an accepted one that is told as an absent authority.
    """
    watched = [authority.value for authority in context.source.authorities]

    def group(key: str) -> str:
        return next((name for name in watched if key.startswith(keys.quarantined_by(name))), UNKNOWN)

    of: dict[str, list[Flood]] = {}
    for flood in floods:
        of.setdefault(flood.authority, []).append(flood)
    open_now = Counter(group(key) for key, one in history.conditions.items() if one.kind == Kind.QUARANTINED)
    shown = {one.key for one in quarantined}
    gone = Counter(
        group(key)
        for key, one in history.conditions.items()
        if one.kind == Kind.QUARANTINED and one.alerted is None and key not in shown
    )
    new: Counter[str] = Counter()
    left: Counter[str] = Counter()
    observed: list[Observed] = []
    for one in quarantined:
        name = group(one.key)
        if one.key in history.conditions:
            observed.append(one)
        elif name in of or open_now[name] >= ONE_BY_ONE:
            left[name] += 1
        else:
            open_now[name] += 1
            new[name] += 1
            observed.append(one)
    blind = {*watched} - {*with_accepted}
    left += Counter({name: number + gone[name] for name, number in new.items() if gone[name] and name not in blind})
    return observed + [
        _condition(name, of.get(name, []), left[name], context, blind=name in blind) for name in sorted({*of, *left})
    ]


def _condition(authority: str, floods: Iterable[Flood], left: int, context: Context, *, blind: bool) -> Observed:
    counted = [*floods]
    return Observed(
        keys.flood(authority),
        Kind.FLOOD,
        lambda since: builders.flood(
            source=context.name,
            authority=authority,
            counts={
                f"{one.presence.value} {'accepted' if one.accepted else 'not trusted'}": one.number for one in counted
            },
            left=left,
            examples=[example for one in counted for example in one.examples],
            accepted=any(one.accepted for one in counted),
            blind=blind,
            since=since,
            now=context.now,
        ),
        Lasting(context.policy.confirmations),
        _BLIND if blind else None,
        again=lambda alerted: blind and alerted != _BLIND,
    )
