"""What may wait is told together: one message for one event, however many targets it has; and one every week.

Routine alerts (``Alert.routine``) lie in the log of what was delivered. They are told by one message when nothing has
been added for ``SETTLED``, or the first has waited for ``AT_MOST``, and not in the policy's quiet hours. Where all of
them say that a removal took place as it was announced, the next digest or the weekly one tells them. What came in
numbers (``alerts.recording``) is told by one message for each kind, within minutes. The weekly digest is due at a day
and time of the policy, and comes later where no run took place then.

What was told is noted after the sink took it (``keys.DIGESTS``), message by message: a run that dies between the two
tells one of them once more, with the same id. What cannot be read, built or handed over holds up nothing else. While
nobody hears, it waits; for ``KEPT``, since nobody needs old news.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from rotation_watcher import defects, formats, keys
from rotation_watcher.alerts import builders
from rotation_watcher.alerts.builders.wording import count
from rotation_watcher.alerts.model import Alert, Kind, Severity
from rotation_watcher.alerts.model import Status as AlertStatus
from rotation_watcher.alerts.outbox import AlertSink
from rotation_watcher.alerts.recording import alike
from rotation_watcher.clocks import is_future
from rotation_watcher.compare_and_set import compare_and_set
from rotation_watcher.config import Policy
from rotation_watcher.deadline import CALL_TAKES, Remaining
from rotation_watcher.errors import UNDECODABLE, DeliveryError, NewerFormat, NobodyListens, StoreError
from rotation_watcher.keys import Waits
from rotation_watcher.policy_times import local, quiet, week_due
from rotation_watcher.ports import ObjectStore
from rotation_watcher.status.model import Status
from rotation_watcher.status.weekly import weekly_digest

FORMAT = 1
SETTLED = timedelta(minutes=10)
"""How long nothing is added before a digest is sent: collect, publish and its proof take less."""
AT_MOST = timedelta(hours=12)
"""How long the first waits where there is always something new."""
SOON, SOON_AT_MOST = timedelta(minutes=1), timedelta(minutes=5)
"""The same for what comes in numbers: what is urgent does not wait for its end, or for quiet hours to pass."""
LED_BY_NOTHING = timedelta(hours=1)
"""The same where targets were updated and nobody said why: what is new is trusted at the first look, and told when the
second one has confirmed it."""
UNTIL_TOLD = timedelta(days=8)
"""How long that waits which came as it was announced: the weekly digest tells it, or the next one."""
KEPT = timedelta(days=14)
"""How long something waits for a reader."""
MOST = 2000
"""Messages in one digest: they are read one by one."""


class Ports(msgspec.Struct, frozen=True):
    """What sending digests needs of the world."""

    store: ObjectStore
    sink: AlertSink
    now: datetime
    remaining: Remaining


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What was told: the keys of the log, no older than ``KEPT``, and the day on which the last weekly one was due.

    ``week`` None: none was due yet; the first week is not told, since it has hardly begun.
    """

    format: int = FORMAT
    told: tuple[str, ...] = ()
    week: str | None = None


class Sent(msgspec.Struct, kw_only=True):
    """What one run sent: the ids; ``waiting``, how many messages wait for a digest; ``undelivered``, in words."""

    told: list[str] = []
    waiting: int = 0
    undelivered: list[str] = []


class _Notes:
    """What was told, as the store holds it; another run at the same time may add to it."""

    def __init__(self, store: ObjectStore, now: datetime) -> None:
        """Raises NewerFormat, StoreError."""
        self._store, self._now = store, now
        self._known = self._load()

    @property
    def state(self) -> State:
        return self._known[0]

    def note(self, *told: str, week: str | None = None) -> None:
        """Write down that these were told, and the week, where that is new. Raises StoreError."""

        def change(held: State) -> State:
            known = sorted(key for key in {*held.told, *told} if _recent(key, self._now))
            return msgspec.structs.replace(held, told=tuple(known), week=week or held.week)

        def write(changed: State, etag: str | None) -> str:
            body = msgspec.json.encode(changed)
            return self._store.put_if(keys.DIGESTS, body, etag=etag, content_type=keys.JSON_TYPE).etag

        self._known = compare_and_set(self._load, change, write, keys.DIGESTS, known=self._known)

    def _load(self) -> tuple[State, str | None]:
        return formats.held(self._store.get(keys.DIGESTS), State(), FORMAT)


def send(status: Status, policy: Policy, ports: Ports) -> Sent:
    """Send the digests that are due, and note each of them. Raises StoreError."""
    store, now = ports.store, ports.now
    try:
        notes = _Notes(store, now)
    except NewerFormat as error:
        return Sent(undelivered=[f"the digests wait: s3://{store.bucket}/{keys.DIGESTS}: {error}"])
    listed = store.list(keys.ALERT_LOG)
    routine, several = _waiting(listed, {*notes.state.told}, now)
    sent = Sent(waiting=len(routine) + sum(map(len, several)))
    for many in sorted(several, key=_urgency):
        if _settled(many, now, SOON, SOON_AT_MOST):
            ends = _ends(listed, many[0])
            _tell_together(builders.more_alike, many[:MOST], notes, ports, sent, ends)
    week = week_due(policy, now)
    if week is not None and (notes.state.week is None or notes.state.week > local(policy, now).date().isoformat()):
        notes.note(week=week)  # nothing was due yet; or a clock was ahead
    if not quiet(policy, now):
        if week is not None and (notes.state.week or "") < week:
            done = routine[:MOST] if _as_announced(routine) else []
            _tell_week(status, week, done, notes, ports, sent)
            routine = [key for key in routine if key not in done]
        if routine and _due(routine, now):
            _tell_together(builders.summed_up, routine[:MOST], notes, ports, sent)
    notes.note()
    return sent


def _urgency(many: Sequence[str]) -> int:
    """What is told first: the most severe."""
    severity = keys.told_of(many[0])[0].rpartition(".")[2]
    return next((one.order for one in Severity if one == severity), len(Severity))


def _waiting(listed: Iterable[str], told: Collection[str], now: datetime) -> tuple[list[str], list[list[str]]]:
    """The keys of what no digest has told yet, the oldest first: what is routine, and by group what came in numbers."""
    routine: list[str] = []
    several: dict[str, list[str]] = {}
    first = keys.told_on(now - KEPT)
    for key in listed:
        if key < first:  # a year of the log: reading the moments of all of it takes as long as telling what is new
            continue
        group, waits = keys.told_of(key)
        if waits is not Waits.NOT and key not in told and _recent(key, now):
            (routine if waits is Waits.ROUTINE else several.setdefault(group, [])).append(key)
    return routine, [*several.values()]


def _ends(listed: Iterable[str], key: str) -> list[str]:
    """The keys of the ends of what this one begins that were delivered since, whether or not they are told already."""
    kind, _, life = keys.told_of(key)[0].partition(".")
    end = f"{kind}.{AlertStatus.RESOLVED}."
    if life.startswith(AlertStatus.RESOLVED):
        return []
    return [one for one in listed if one > key and keys.told_of(one)[0].startswith(end)]


def _as_announced(waiting: Iterable[str]) -> bool:
    """Whether nothing but a removal took place, of which it was told that it will: nobody needs a message for that."""
    groups = {keys.told_of(key)[0] for key in waiting}
    return _REMOVED in groups and groups <= {_REMOVED, *_UPDATED}


_REMOVED = alike(Kind.REMOVAL_PLANNED, AlertStatus.RESOLVED, Severity.INFO)
_UPDATED = [alike(kind, AlertStatus.EVENT, Severity.INFO) for kind in (Kind.TRUSTSTORE_UPDATED, Kind.FILTERS_UPDATED)]


def _recent(key: str, now: datetime) -> bool:
    at = keys.told_at(key)
    return at is not None and now - at <= KEPT


def _due(routine: Sequence[str], now: datetime) -> bool:
    if _as_announced(routine):
        return _settled(routine, now, UNTIL_TOLD, UNTIL_TOLD)
    news = [key for key in routine if keys.told_of(key)[0] not in {_REMOVED, *_UPDATED}]
    if not news:
        return _settled(routine, now, LED_BY_NOTHING, AT_MOST)
    return _settled(routine, now, SETTLED, KEPT) or _settled(news, now, AT_MOST, AT_MOST)


def _settled(waiting: Sequence[str], now: datetime, quiet_for: timedelta, at_most: timedelta) -> bool:
    """Whether nothing was added for so long, or the first has waited for so long."""
    # What comes from the future (a clock that was ahead) is not waited for; what was added since this run began is.
    moments = [at for key in waiting if (at := keys.told_at(key)) and not is_future(at, now)]
    if not moments:
        return bool(waiting)
    return now - max(moments) >= quiet_for or now - min(moments) >= at_most


def _tell_together(
    built: Callable[[Sequence[Alert], datetime], Alert],
    waiting: Sequence[str],
    notes: _Notes,
    ports: Ports,
    sent: Sent,
    ends: Sequence[str] = (),
) -> None:
    """Send one message about those of the log; where it is not taken, they wait.

    What is over by one of ``ends`` is left to that, which says since when it lasted: else the last word would be that
    it is open.
    """
    read, alerts = _read(waiting, ports, sent)
    over = {one.id: one.at for one in _read(ends, ports, sent)[1]}
    alerts = [one for one in alerts if one.status is AlertStatus.RESOLVED or not one.at <= over.get(one.id, _NEVER)]
    if not alerts or _handed_over(lambda: built(alerts, ports.now), ports, sent):
        sent.waiting -= len(read)
        notes.note(*read)


_NEVER = datetime.min.replace(tzinfo=UTC)


def _tell_week(status: Status, week: str, waiting: Sequence[str], notes: _Notes, ports: Ports, sent: Sent) -> None:
    """Send the weekly digest, which tells those of the log as well; where it is not taken, all of it waits."""
    read, alerts = _read(waiting, ports, sent)
    if ports.remaining() < 2 * CALL_TAKES:
        return  # it could not be noted any more
    if _handed_over(lambda: weekly_digest(status, week, ports.now, alerts), ports, sent):
        sent.waiting -= len(read)
        notes.note(*read, week=week)


def _read(waiting: Sequence[str], ports: Ports, sent: Sent) -> tuple[list[str], list[Alert]]:
    """What was read of them in the time of this run, and the alerts in there; the next run reads the rest."""
    alerts: dict[str, Alert] = {}
    read: list[str] = []
    refused: list[str] = []
    for key in waiting:
        if ports.remaining() < 2 * CALL_TAKES:
            break
        try:
            alert = _alert(ports.store, key)
        except StoreError as error:  # the others do not wait for it
            refused.append(str(error))
            continue
        read.append(key)
        if alert:
            alerts[alert.key] = alert
    if refused:
        sent.undelivered.append(f"{count(len(refused), 'message')} of the log cannot be read, the first: {refused[0]}")
    return read, [*alerts.values()]


def _alert(store: ObjectStore, key: str) -> Alert | None:
    """The alert of that key; None where it is none, so that one broken object silences nothing else."""
    stored = store.get(key)
    try:
        return msgspec.json.decode(stored.body, type=Alert) if stored else None
    except UNDECODABLE:
        return None


def _handed_over(build: Callable[[], Alert], ports: Ports, sent: Sent) -> bool:
    """Whether the sink took it. Where nobody listens it waits, and that is no failure."""
    about = "a digest"
    try:
        alert = build()
        about = alert.id
        ports.sink.deliver(alert)
    except NobodyListens:
        return False
    except DeliveryError as error:
        sent.undelivered.append(f"{about}: {error}")
        return False
    except Exception as error:  # noqa: BLE001  # whatever it is, the other messages go out
        sent.undelivered.append(f"{about}: {defects.words(error)} while it was delivered")
        return False
    sent.told.append(about)
    return True
