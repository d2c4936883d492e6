"""Parameters of the stack in SAM's configuration file: put in, without a word of the rest being touched."""

import re
import tomllib
from collections.abc import Mapping

from genesys_certs.problems import Problem

_TABLE = "[default.deploy.parameters]"
_LINE = re.compile(r"^parameter_overrides[ \t]*=.*$", re.MULTILINE)


def overrides(values: Mapping[str, str]) -> str:
    """The line, as `sam deploy --guided` writes it. Values hold no quotes and no backslashes: the form allows none."""
    for name, value in values.items():
        if '"' in value or "\\" in value or "\n" in value:
            raise Problem("bad-parameter", f"{name}: {value!r} holds a quote, a backslash or a line break.")
    pairs = " ".join(f'{name}=\\"{value}\\"' for name, value in values.items() if value)
    return f'parameter_overrides = "{pairs}"'


def with_overrides(text: str, values: Mapping[str, str], *, force: bool, where: str) -> str:
    """The file's text with these parameters. Raises Problem where it has others already and ``force`` is not given."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Problem("damaged-file", f"{where}: {error}", "Mend it, or name another file.") from error
    table = document.get("default", {}).get("deploy", {}).get("parameters", {})
    line = overrides(values)
    if "parameter_overrides" not in table:
        if _TABLE in text:
            return text.replace(_TABLE, f"{_TABLE}\n{line}", 1)
        return f"{text.rstrip()}\n\n{_TABLE}\n{line}\n".lstrip()
    if not force:
        remedy = "Give --force to replace them, or --output for another file."
        raise Problem("exists", f"{where} has answers already.", remedy)
    head, table_text, rest = text.partition(_TABLE)
    changed = _LINE.sub(lambda _: line, rest, count=1)
    after = head + table_text + changed
    try:
        found = tomllib.loads(after)["default"]["deploy"]["parameters"]["parameter_overrides"]
    except (tomllib.TOMLDecodeError, KeyError):
        found = None
    if found != tomllib.loads(line)["parameter_overrides"]:
        raise Problem(
            "damaged-file", f"{where}: its parameters are written in a way that is not known.", "Edit it by hand."
        )
    return after
