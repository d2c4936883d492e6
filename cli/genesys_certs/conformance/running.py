"""Run a suite in an account: make, ask, remove, and give a record. What it made is removed however it ends."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import botocore
from botocore.exceptions import BotoCoreError, ClientError

from genesys_certs import __version__
from genesys_certs.conformance import leftovers
from genesys_certs.conformance.asking import NO_CONNECTION, ask
from genesys_certs.conformance.model import FORMAT, Answer, Record, not_asked
from genesys_certs.conformance.redaction import Redactor
from genesys_certs.conformance.signals import ended_by_signals, undisturbed
from genesys_certs.conformance.suite import Suite
from genesys_certs.conformance.workshop import Made, Options, Services, Workshop
from rotation_watcher.adapters.aws_errors import code

type Tell = Callable[[str], None]
LOST = 3
"""So many questions in a row without a connection, and no more are asked."""


class Removed(NamedTuple):
    """``left``: what is still there. ``unseen``: kinds of which it is not known, with the reason."""

    removed: list[Made]
    left: list[Made]
    unseen: dict[str, str]

    @property
    def clean(self) -> bool:
        """Whether nothing is left, for sure."""
        return not self.left and not self.unseen


def _silent(_gone: Removed, _whole: bool) -> None:  # noqa: FBT001  # as ``run`` calls it
    """Tell nobody."""


def run(
    suite: Suite,
    services: Services,
    options: Options,
    run_id: str,
    redact: Redactor,
    tell: Tell,
    ended: Callable[[Removed, bool], None] = _silent,
) -> tuple[Record, Removed]:
    """Ask everything. What it made is removed when this returns and when it raises.

    ``ended`` hears what became of it, and whether all was asked.
    """
    answers: dict[str, Answer] = {}
    whole = False
    gone = Removed([], [], {})
    workshop = Workshop(services, run_id)
    with ended_by_signals():
        try:
            bench = suite.open(workshop, options)
            for place, probe in enumerate(suite.probes, start=1):
                tell(f"{place} of {len(suite.probes)}: {probe.id}")
                lost = [*answers.values()][-LOST:]
                if len(lost) == LOST and all(one.text.startswith(NO_CONNECTION) for one in lost):
                    answers[probe.id] = not_asked(NO_CONNECTION)
                else:
                    answers[probe.id] = redact.answer(ask(probe, bench))
            whole = True
        finally:
            with undisturbed():
                tell("removing what was made …")
                gone = clear(services, suite.kinds, run_id, workshop.made)
                ended(gone, whole)
    return _record(suite, services, answers), gone


def _record(suite: Suite, services: Services, answers: dict[str, Answer]) -> Record:
    return Record(
        format=FORMAT,
        service=suite.service,
        date=services.now().date().isoformat(),
        region=services.region,
        sdk=str(botocore.__version__),
        kit=__version__,
        answers=answers,
    )


def clear(services: Services, kinds: tuple[str, ...], run_id: str | None = None, made: Sequence[Made] = ()) -> Removed:
    """Remove what runs have made (None: all runs), and look once more. Raises nothing of the SDK.

    ``made``: what is known without looking.
    """
    removed: list[Made] = []
    unseen: dict[str, str] = {}
    for kind in (one.name for one in leftovers.KINDS if one.name in kinds):
        try:
            listed = leftovers.looked(services, kind, run_id)
            found = [*listed, *(one for one in made if one.kind == kind)]
            for one in dict.fromkeys(found):
                leftovers.remove(services, one)
                removed.append(one)
        except (ClientError, BotoCoreError) as error:
            unseen[kind] = code(error) or type(error).__name__
    left = []
    for kind in (one for one in kinds if one not in unseen):
        try:
            left += leftovers.looked(services, kind, run_id)
        except (ClientError, BotoCoreError) as error:
            unseen[kind] = code(error) or type(error).__name__
    return Removed([one for one in removed if one not in left], left, unseen)
