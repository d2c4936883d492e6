"""Raw answers that are played instead of the simulator's own, so that any hostile answer can be tried on a client."""

import base64
import binascii
from threading import Lock
from typing import Annotated, Literal

import msgspec

from local.genesys.timeline import Renewed
from local.genesys.world import Authority

type Kind = Literal["token", "certificates"]


class Drip(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Send the body in pieces of ``size`` bytes, ``pause`` seconds apart."""

    size: Annotated[int, msgspec.Meta(gt=0)] = 1
    pause: float = 0.1


class Played(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One answer to play. The fields of a ``POST /_control/next`` are these, and a body may come as base64."""

    kind: Kind
    region: str | None = None
    """The AWS region it is meant for; None: any."""
    for_status: str | None = None
    """Only for requests with this ``status`` filter; None: any."""
    status: int = 200
    headers: dict[str, str] = {}
    body: str = ""
    body_base64: str | None = None
    delay: float = 0.0
    """Seconds before the answer starts."""
    close: bool = False
    """Close the connection instead of answering."""
    cut: int | None = None
    """Close the connection after so many bytes of the body."""
    content_length: int | None = None
    """Claim this length, right or wrong."""
    drip: Drip | None = None
    times: int = 1
    """How often it is played; 0: until it is cleared."""

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot be played."""
        try:
            self.content()
        except binascii.Error as error:
            raise ValueError(f"body_base64 is not base64: {error}") from None

    def content(self) -> bytes:
        """Return the bytes of the body."""
        return self.body.encode() if self.body_base64 is None else base64.b64decode(self.body_base64, validate=True)


class Turned(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of a ``POST /_control/rotate``: let a leaf be replaced so many seconds from now."""

    region: str
    authority: Authority
    in_seconds: float = 0.0
    flapping_seconds: float = 0.0
    emergency: bool = False
    root: Renewed = "same"
    intermediate: Renewed = "same"


class ScriptedAnswers:
    """What waits to be played, first come first served."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Played, int]] = []
        self._lock = Lock()

    def add(self, played: Played) -> None:
        """Queue an answer behind those that wait already."""
        with self._lock:
            self._waiting.append((played, played.times))

    def clear(self, region: str | None = None) -> None:
        """Forget what waits for this region, or everything."""
        with self._lock:
            self._waiting = [each for each in self._waiting if region is not None and each[0].region != region]

    def take(self, kind: Kind, region: str, status_filter: str) -> Played | None:
        """Return what is to be played for this request, counting it as played, or None."""
        with self._lock:
            for place, (played, left) in enumerate(self._waiting):
                if _fits(played, kind, region, status_filter):
                    if left == 1:
                        del self._waiting[place]
                    elif left:
                        self._waiting[place] = (played, left - 1)
                    return played
        return None


def _fits(played: Played, kind: Kind, region: str, status_filter: str) -> bool:
    return (
        played.kind == kind
        and played.region in {None, region}
        and (played.for_status is None or played.for_status.lower() == status_filter.lower())
    )
