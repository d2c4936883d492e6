"""Share out the pace that a service asks of a whole account: who may update now, and who when.

One object per kind, account and region holds the time of the last turn and the turns that are promised
(``keys.pace``). A run asks for a turn before it changes a target: it has it now (or within ``PATIENCE``), or it is
promised one and comes back then. What the object says is a courtesy between runs, never a permission: the service has
the last word, and answers TargetBusy where another tool used the turn. So an object that is broken, or promises what no
run of ours promises, is passed over.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from rotation_watcher import arns, keys
from rotation_watcher.clocks import Instant
from rotation_watcher.compare_and_set import compare_and_set
from rotation_watcher.errors import UNDECODABLE
from rotation_watcher.targets.session import Session

PATIENCE = timedelta(seconds=5)
"""The longest that a run waits for its turn; one that would have to wait longer comes back."""

HORIZON = timedelta(minutes=5)
"""How far ahead turns are promised. Nothing that the object says can hold a target up for longer."""


class Turns(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``last`` is when the last update was (to be) made, ``promised`` who comes next, by the target's id."""

    last: Instant | None = None
    promised: Mapping[str, Instant] = {}


class Turn(NamedTuple):
    """When a target may be updated (None: too far ahead for a promise), and whether that is now, or in ``PATIENCE``."""

    at: datetime | None
    now: bool


def ask(turns: Turns, target: str, pace: timedelta, now: datetime) -> tuple[Turns, Turn]:
    """The turn of ``target``, and the turns as they are then."""
    last = turns.last if turns.last and now - pace < turns.last <= now + PATIENCE else None
    promised = {name: at for name, at in turns.promised.items() if now - pace < at <= now + HORIZON}
    mine = promised.pop(target, None)
    if mine is not None and mine > now + PATIENCE and (last is None or mine >= last + pace):
        return turns, Turn(mine, now=False)
    free = max(now, last + pace) if last else now
    if mine is None:  # behind those who asked before
        free = max(free, *(at + pace for at in promised.values())) if promised else free
    if free <= now + PATIENCE:
        return Turns(last=free, promised=promised), Turn(free, now=True)
    if free <= now + HORIZON:
        return Turns(last=last, promised={**promised, target: free}), Turn(free, now=False)
    return turns, Turn(None, now=False)


def take_turn(session: Session) -> Turn:
    """Ask for the target's turn, and wait for it where it is soon. Raises StoreError."""
    kind = arns.parse_target(session.target.arn).kind
    if kind.pace is None:
        return Turn(session.ports.clock(), now=True)
    pace, ports, key = kind.pace, session.ports, keys.pace(kind.name, session.ports.reach(session.target).name)
    turn = Turn(ports.clock(), now=True)

    def load() -> tuple[Turns, str | None]:
        stored = ports.store.get(key)
        return (Turns(), None) if stored is None else (_decode(stored.body), stored.etag)

    def asked(turns: Turns) -> Turns:
        nonlocal turn
        after, turn = ask(turns, session.target.id, pace, ports.clock())
        return after

    def store(turns: Turns, etag: str | None) -> str:
        body = msgspec.json.encode(turns, order="sorted")
        return ports.store.put_if(key, body, etag=etag, content_type=keys.JSON_TYPE).etag

    compare_and_set(load, asked, store, key)
    if turn.now and turn.at is not None and (wait := (turn.at - ports.clock()).total_seconds()) > 0:
        ports.wait(wait)
    return turn


def _decode(data: bytes) -> Turns:
    try:
        return msgspec.json.decode(data, type=Turns)
    except UNDECODABLE:
        return Turns()
