"""What S3 has said of operators' files in one run, held against how they are listed and were seen last. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from rotation_watcher.ports import FileEvent, Listed
from rotation_watcher.status.files_seen import SLACK
from rotation_watcher.status.files_state import Known


class Said:
    """The events of one run, by key."""

    def __init__(self) -> None:
        self._said: dict[str, list[FileEvent]] = {}

    def add(self, event: FileEvent) -> None:
        """S3 has said one more."""
        self._said.setdefault(event.key, []).append(event)

    @property
    def keys(self) -> frozenset[str]:
        """Of what something was said."""
        return frozenset(self._said)

    @property
    def all(self) -> list[FileEvent]:
        """All of it."""
        return [one for some in self._said.values() for one in some]

    def people(self, before: Mapping[str, Known | None], found: Mapping[str, Listed]) -> tuple[str, ...]:
        """Who did something to these files since they were seen last, the last first. ``before``: as they were then."""
        said = (one for key, known in before.items() for one in self.since(key, known, found.get(key)))
        return tuple(dict.fromkeys(one.who for one in sorted(said, key=lambda one: one.at, reverse=True) if one.who))

    def of(self, key: str) -> list[FileEvent]:
        """What was said of a file, in order."""
        return sorted(self._said.get(key, []), key=lambda one: one.at)

    def first(self, key: str, default: datetime) -> datetime:
        """When the first of it was done."""
        return min((one.at for one in self.of(key)), default=default)

    def newest(self, key: str) -> datetime | None:
        """When the last of it was done."""
        return max((one.at for one in self.of(key)), default=None)

    def join(self, heard: "Said", found: Mapping[str, Listed], listed: datetime) -> frozenset[str]:
        """Take what was heard after the files were listed, at ``listed``, but of what was done later; the keys of that.

        When a file was written says nothing of when an older version became it again, or an upload in parts was done.
        """
        later = set()
        for one in heard.all:
            now = found.get(one.key)
            if one.at > listed - SLACK and (now is None or one.at > now.modified + SLACK):
                later.add(one.key)
            else:
                self.add(one)
        return frozenset(later)

    def of_now(self, key: str, listed: Listed | None) -> list[FileEvent]:
        """What was said of a file since it was written as it is now; of one that is gone all that was said."""
        if listed is None:
            return self.of(key)
        return [one for one in self.of(key) if one.at >= listed.modified - SLACK]

    def since(self, key: str, before: Known | None, listed: Listed | None) -> list[FileEvent]:
        """What was said of what was done to a file since it was seen last, and not of what was seen."""
        if before is None:
            return self.of(key)
        said = [one for one in self.of(key) if before.heard is None or one.at > before.heard]
        later = [one for one in said if one.at > before.at + SLACK]
        if later or (before.heard is not None and before.heard >= before.at):
            return later or said
        if listed is None or listed.modified < before.at:
            return []
        now = self.of_now(key, listed)
        return [one for one in said if one in now]


def surely_since(said: Iterable[FileEvent], before: Known | None) -> int:
    """At how many moments something was done that cannot be of what was seen last."""
    return len({one.at for one in said if before is None or one.at > before.at + SLACK})
