"""What ``serve`` prints for doors: the command that publishes, and the one that reads what was published."""

import shlex
from pathlib import Path

from tests.support.command import run


def test_the_printed_commands_publish_and_give_a_door_its_pins(
    lines: list[str], aws: dict[str, str], tmp_path: Path
) -> None:
    (publish,) = (shlex.split(line, comments=True)[1:] for line in lines if " release " in line)
    (pins,) = (shlex.split(line)[1:] for line in lines if " pins-to-file " in line)
    pins[pins.index("--output") + 1] = str(written := tmp_path / "genesys-pins.txt")
    assert run(*pins, **aws).returncode == 3, "nothing is published yet"
    assert run(*publish, **aws).returncode == 0
    assert run(*pins, **aws).returncode == 0
    assert len(written.read_text().strip()) == 64
