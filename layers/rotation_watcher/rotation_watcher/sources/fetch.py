"""Ask every source at once, and hand each answer on as soon as it is there.

Contract of ``answers``: every source gives its raw entities or its own error, in the order in which they come, and the
last of them within ``seconds``, whatever hangs. Each source is asked in a thread of its own, which nobody waits for
when its time is up, at the end of the interpreter neither: reading a secret cannot be cancelled.
"""

import queue
from collections.abc import Iterator, Sequence
from threading import Thread, Timer
from typing import NamedTuple

from rotation_watcher.config import Source
from rotation_watcher.errors import SourceError, SourceReason
from rotation_watcher.ports import GenesysApi, Secrets
from rotation_watcher.sources.credentials import decode_credentials

type Seen = Sequence[bytes] | SourceError


class Answer(NamedTuple):
    """What one source gave."""

    source: Source
    seen: Seen


def answers(sources: Sequence[Source], secrets: Secrets, genesys: GenesysApi, seconds: float) -> Iterator[Answer]:
    """The answer of each source, as they come; they are asked for at once, before the first is waited for.

    What is iterated over raises what only a defect or the end of the process raises.
    """
    found: queue.SimpleQueue[Answer | BaseException | None] = queue.SimpleQueue()

    def ask(source: Source) -> None:
        try:
            found.put(Answer(source, _asked(source, secrets, genesys)))
        except BaseException as error:  # noqa: BLE001  # it is raised again where the answers are waited for
            found.put(error)

    bell = Timer(seconds, found.put, [None])
    bell.daemon = True
    bell.start()
    for source in sources:
        Thread(target=ask, args=[source], name="fetch", daemon=True).start()
    return _as_they_come(found, sources, seconds, bell)


def _as_they_come(
    found: "queue.SimpleQueue[Answer | BaseException | None]", sources: Sequence[Source], seconds: float, bell: Timer
) -> Iterator[Answer]:
    waiting = {source.id: source for source in sources}
    try:
        while waiting:
            answer = found.get()
            if isinstance(answer, BaseException):
                raise answer
            if answer is None:
                yield from (Answer(source, _late(source, seconds)) for source in waiting.values())
                return
            del waiting[answer.source.id]
            yield answer
    finally:
        bell.cancel()


def _asked(source: Source, secrets: Secrets, genesys: GenesysApi) -> Seen:
    """What a source answers, or why it does not."""
    try:
        return genesys.certificates(
            api_url=source.resolved_api_url,
            login_url=source.resolved_login_url,
            credentials=decode_credentials(secrets.get(source.credentials), source.credentials),
        )
    except SourceError as error:
        return error
    except Exception as error:  # noqa: BLE001  # whatever it is, the other sources go on; it is reported as a failure
        return SourceError(SourceReason.UNREACHABLE, f"an unexpected {type(error).__name__} while reading")


def _late(source: Source, seconds: float) -> SourceError:
    words = f"neither the secret {source.credentials} nor Genesys Cloud answered within {seconds:.0f} seconds in all"
    return SourceError(SourceReason.UNREACHABLE, words)
