"""Ask every source at once, and hand each answer on as soon as it is there.

Contract of ``answers``: every source gives its raw entities or its own error, in the order in which they come, and the
last of them within ``seconds``, whatever hangs: reading a secret cannot be cancelled, so it runs in a thread that
nobody waits for, at the end of the event loop and of the interpreter neither.
"""

import asyncio
import queue
from collections.abc import Callable, Iterator, Sequence
from threading import Thread, Timer
from typing import NamedTuple

from rotation_watcher.config import Source
from rotation_watcher.errors import SourceError, SourceReason
from rotation_watcher.ports import GenesysApi, Secrets
from rotation_watcher.sources.credentials import decode_credentials

MARGIN = 1.0
"""Seconds for which answers are waited beyond their time, before whoever fetches them counts as hanging itself."""

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

    async def all_of_them() -> None:
        async with asyncio.TaskGroup() as tasks:
            for source in sources:
                tasks.create_task(one(source))

    async def one(source: Source) -> None:
        found.put(Answer(source, await _ask(source, secrets, genesys, seconds)))

    def run() -> None:
        try:
            asyncio.run(all_of_them())
        except BaseException as error:  # noqa: BLE001  # it is raised again where the answers are waited for
            found.put(error)

    bell = Timer(seconds + MARGIN, found.put, [None])
    bell.daemon = True
    bell.start()
    Thread(target=run, name="fetch", daemon=True).start()
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


async def _ask(source: Source, secrets: Secrets, genesys: GenesysApi, seconds: float) -> Seen:
    """What a source answers within ``seconds``, or why it does not."""
    try:
        async with asyncio.timeout(seconds):
            text = await _apart(lambda: secrets.get(source.credentials))
            return await genesys.certificates(
                api_url=source.resolved_api_url,
                login_url=source.resolved_login_url,
                credentials=decode_credentials(text, source.credentials),
            )
    except SourceError as error:
        return error
    except TimeoutError:
        return _late(source, seconds)
    except Exception as error:  # noqa: BLE001  # whatever it is, the other sources go on; it is reported as a failure
        return SourceError(SourceReason.UNREACHABLE, f"an unexpected {type(error).__name__} while reading")


def _late(source: Source, seconds: float) -> SourceError:
    words = f"neither the secret {source.credentials} nor Genesys Cloud answered within {seconds:.0f} seconds in all"
    return SourceError(SourceReason.UNREACHABLE, words)


async def _apart[T](call: Callable[[], T]) -> T:
    """What ``call`` gives, from a thread of its own. ``asyncio.to_thread`` would be waited for at the loop's end."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]  # there is a result where there is no error

    def run() -> None:
        result, error = None, None
        try:
            result = call()
        except BaseException as raised:  # noqa: BLE001  # it is raised again where the call is waited for
            error = raised
        try:
            loop.call_soon_threadsafe(settle, result, error)
        except RuntimeError:
            return  # the loop has ended: nobody waits any more

    Thread(target=run, name="secret", daemon=True).start()
    return await done
