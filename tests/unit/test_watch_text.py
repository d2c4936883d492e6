"""The text of a watch file: JSON and YAML alike, every mistake with its line, and whatever else may lie there."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rotation_watcher import config, watch_text, watch_yaml
from rotation_watcher.config import Watch
from rotation_watcher.errors import ConfigurationError
from rotation_watcher.watch_mistakes import Path as Place
from tests.support.processor import within

STORE = "arn:aws:elasticloadbalancing:us-east-1:123456789012:truststore"
FLEET = f"""\
# our fleet
$schema: ./watch-file.schema.json
mode: apply
sources:
  - id: use1
    region: us-east-1
    credentials: arn:aws:ssm:us-east-1:123456789012:parameter/genesys/oauth
bundles:
  - {{id: main, sources: [use1]}}
defaults:
  targets: {{bundle: main}}
targets:
  - {STORE}/a/73e2d6bc24d8a067   # the first one
groups:
  web:
    on_drift: report
    targets:
      - {STORE}/b/73e2d6bc24d8a068
policy:
  quiet_hours: {{start: 19:00, end: 07:00}}
"""


def load(text: str | bytes, name: str = "watch.yaml") -> Watch:
    data = text if isinstance(text, bytes) else text.encode()
    return config.load(data, stack_region="us-east-1", stack_account="123456789012", name=name)


def mistakes(text: str | bytes, name: str = "watch.yaml") -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        load(text, name)
    return [*refused.value.mistakes]


def as_json(text: str) -> str:
    """The same fleet in JSON, a value a line."""
    return json.dumps(watch_yaml.read(text.encode()).document, indent=1)


def test_yaml_and_json_say_the_same() -> None:
    watch = load(FLEET)
    assert [(one.id, one.on_drift) for one in watch.targets] == [("a", "heal"), ("b", "report")]
    assert watch == load(as_json(FLEET), "watch.json") == load(as_json(FLEET), "watch.YML")


def test_the_format_follows_from_the_name_and_a_mistake_about_it_is_explained() -> None:
    (mistake,) = mistakes(FLEET, "s3://conf/watch.json")
    assert mistake.startswith("$: not valid JSON: ")
    assert mistake.endswith("(line 1, column 1); if it is YAML, its name must end in .yaml or .yml")


MISTAKES: list[tuple[Callable[[str], str], list[str]]] = [
    (lambda text: text.replace("mode: apply", "mode: aply"), ["mode (line 3): 'aply' is not one of"]),
    (lambda text: text.replace("    region: us-east-1\n", ""), ["sources[0].region (line 5): missing"]),
    (lambda text: text.replace("bundle: main", "bundel: main"), [
        "defaults.targets.bundel (line 11): unknown; known here: bundle, ",
        "targets[0] (line 13): its bundle is missing",
        "groups.web.targets[0] (line 18): its bundle is missing",
    ]),
    (lambda text: text.replace("truststore/b", "truststor/b"), [f"groups.web.targets[0] (line 18): '{STORE[:-1]}/b"]),
    (lambda text: text.replace("19:00", "7:00"), ["policy.quiet_hours.start (line 20): '7:00' is not a time of day"]),
    (lambda text: text.replace("[use1]", "[use1, use2]"), ["bundles[0].sources[1] (line 9): there is no source"]),
]  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), MISTAKES)
def test_every_mistake_names_the_line_where_it_stands(change: Callable[[str], str], expected: list[str]) -> None:
    found = mistakes(change(FLEET))
    assert [mistake[: len(words)] for mistake, words in zip(found, expected, strict=True)] == expected


@pytest.mark.parametrize(("change", "expected"), MISTAKES)
def test_in_json_as_well(change: Callable[[str], str], expected: list[str]) -> None:
    text = as_json(change(FLEET))
    found = mistakes(text, "watch.json")
    assert len(found) == len(expected)
    for mistake, words in zip(found, expected, strict=True):
        path = words.partition(" (")[0]
        assert mistake.startswith(f"{path} (line ")
        line = text.splitlines()[int(mistake.partition(" (line ")[2].partition(")")[0]) - 1]
        name = path.rpartition(".")[2].partition("[")[0]
        assert name in line or "[" in path


def test_mistakes_stand_in_the_order_of_the_file() -> None:
    text = FLEET.replace("19:00", "7:00").replace("mode: apply", "mode: aply").replace("/a/", "/a b/")
    lines = [int(one.partition("(line ")[2].partition(")")[0]) for one in mistakes(text)]
    assert lines == sorted(lines) == [3, 13, 20]


@pytest.mark.parametrize("name", ["watch.yaml", "watch.json"])
def test_a_key_that_is_written_twice_is_refused_beside_all_other_mistakes(name: str) -> None:
    text = '{"mode": "apply",\n "sources": [{"id": "a",\n"id": "b",\n "region": "us-east-1"}],\n "mode": "observe"}'
    assert [one.partition(": ")[0::2] for one in mistakes(text, name)] == [
        ("mode (line 1)", "written twice, again on line 5: keep one"),
        ("sources[0].id (line 2)", "written twice, again on line 3: keep one"),
        ("sources[0].credentials (line 2)", "missing: say it here, or in defaults.sources"),
    ]


PLAIN = {
    "012345678901": "012345678901",
    "111122223333": 111122223333,
    "no": "no",
    "off": "off",
    "Yes": "Yes",
    "True": "True",
    "true": True,
    "null": None,
    "~": None,
    "07:30": "07:30",
    "190:20:30": "190:20:30",
    "0x1F": "0x1F",
    "0o17": "0o17",
    "1_000": "1_000",
    "2026-11-27": "2026-11-27",
    ".5": ".5",
    "0.5": 0.5,
    "-3": -3,
    "1e3": 1000.0,
    ".inf": ".inf",
    "nan": "nan",
    "'5'": "5",
    '"true"': "true",
    "=": "=",
    "<<": "<<",
    "9" * 40: "9" * 40,
}


@pytest.mark.parametrize("written", PLAIN)
def test_a_plain_word_is_what_json_would_have_it_be(written: str) -> None:
    document: Any = watch_yaml.read(f"a: {written}\n".encode()).document
    assert document == {"a": PLAIN[written]}
    assert type(document["a"]) is type(PLAIN[written])


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"), exclude_characters="\ufeff"), max_size=20)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(DOCUMENTS, st.sampled_from([None, 1]))
def test_json_is_read_as_it_is_and_each_value_is_found_on_its_line(document: Any, indent: int | None) -> None:
    text = json.dumps({"a": document}, indent=indent, ensure_ascii=False)
    read = watch_text.read(text.encode())
    assert (read.document, read.mistakes) == ({"a": document}, ())

    def check(value: Any, place: Place) -> None:
        line = read.line_of(place)
        assert line is not None
        written = text.split("\n")[line - 1]
        if place and isinstance(place[-1], str):
            assert json.dumps(place[-1], ensure_ascii=False) in written
        parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, part in parts:
            check(part, (*place, key))

    check({"a": document}, ())


@given(DOCUMENTS)
def test_what_a_yaml_library_writes_is_read_as_it_was_meant(document: Any) -> None:
    text = yaml.safe_dump({"a": document}, allow_unicode=True)
    assert watch_yaml.read(text.encode()).document == {"a": document}


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode), st.sampled_from(["w.yaml", "w.json"]))
def test_whatever_lies_there_is_refused_in_words(data: bytes, name: str) -> None:
    assert all(": " in mistake for mistake in mistakes(data, name))


ALIASES = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{one}: &{one} [{','.join([f'*{other}'] * 9)}]\n" for other, one in zip("abcdefgh", "bcdefghi", strict=True)
)
HOSTILE: dict[str, tuple[bytes, str, str]] = {
    "10 MB": (b"- x\n" * 2_500_000, "9.5 MiB, and 1 MiB is the most", "defaults and groups make it shorter"),
    "deep lists": (b"[" * 500_000, "nested too deeply", "is it the right file"),
    "deep objects": (b'{"a":' * 100_000, "nested too deeply", "is it the right file"),
    "NUL": (FLEET.replace("apply", "ap\0ply").encode(), "the control character U+0000 on line 3", "upload the file"),
    "UTF-16": (FLEET.encode("utf-16"), "UTF-16, not UTF-8", "save it as UTF-8"),
    "Latin-1": (FLEET.replace("our", "ünsere").encode("latin-1"), "not UTF-8 (line 1)", "save it as UTF-8"),
    "nothing": (b" \n", "the file is empty", "docs/watch-file.md"),
    "a list": (b'["a"]', "must be an object, found a list", ""),
    "a text": (b'"a"', "must be an object, found a text", ""),
}
HOSTILE_YAML: dict[str, tuple[bytes, str, str]] = {
    "aliases": (ALIASES.encode(), "the alias *a is not followed", "use defaults and groups"),
    "a tag": (b"mode: !!python/object/apply:os.system [ls]\n", "the tag tag:yaml.org,2002:python/", "take it out"),
    "a merge": (f"{FLEET}<<: *x\n".encode(), "", ""),
    "tabs": (FLEET.replace("    region", "\tregion").encode(), "a tab indents line 6", "use spaces"),
    "two documents": (f"{FLEET}---\n{FLEET}".encode(), "a second document begins on line 21", "keep one"),
    "comments": (b"# nothing\n", "nothing but comments", "docs/watch-file.md"),
    "a list as a key": (b"? [a]\n: b\n", "a key is no text (line 1)", "in quotes"),
    "an object as a key": (b"{a}: b\n", "", ""),
    "a quote that does not end": (b"mode: 'apply\n", "not valid YAML: ", "(line 2"),
    "no space": (b"sources:\n- id:use1\n  region: x\n", "not valid YAML: mapping values are not allowed", "(line 3"),
    "strange characters": (b"a: \xef\xbf\xbe\n", "not valid YAML: ", "not allowed"),
}


@pytest.mark.parametrize(
    ("data", "what", "remedy", "name"),
    [(*one, name) for one in HOSTILE.values() for name in ("w.yaml", "w.json")]
    + [(*one, "w.yaml") for one in HOSTILE_YAML.values()],
    ids=[f"{what} {name}" for what in HOSTILE for name in ("yaml", "json")] + [*HOSTILE_YAML],
)
def test_a_hostile_file_is_refused_with_what_is_wrong_and_the_way_out(
    data: bytes, what: str, remedy: str, name: str
) -> None:
    found = mistakes(data, name)
    assert any(what in mistake and remedy in mistake for mistake in found), found[:3]
    assert len(found) <= 501
    assert max(map(len, found)) < 500


@pytest.mark.parametrize("change", [lambda data: b"\xef\xbb\xbf" + data, lambda data: data.replace(b"\n", b"\r\n")])
@pytest.mark.parametrize("name", ["w.yaml", "w.json"])
def test_what_windows_adds_is_no_mistake_and_lines_stay_right(change: Callable[[bytes], bytes], name: str) -> None:
    text = FLEET if name == "w.yaml" else as_json(FLEET)
    assert load(change(text.encode()), name) == load(text, name)
    wrong = text.replace("apply", "aply")
    assert mistakes(change(wrong.encode()), name) == mistakes(wrong, name)


def test_without_the_parser_in_c_yaml_is_read_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_yaml, "_LOADER", yaml.SafeLoader)
    assert load(FLEET) == load(as_json(FLEET), "watch.json")


def test_the_parser_of_yaml_is_loaded_for_yaml_alone() -> None:
    code = (
        "import sys; from rotation_watcher import bootstrap, config\n"
        f"config.load({as_json(FLEET).encode()!r}, stack_region='us-east-1')\n"
        "print(sorted({'yaml', 'rotation_watcher.nearest', 'rotation_watcher.watch_shape'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "docs" / "watch-file.schema.json").read_text())


def test_every_field_of_the_schema_says_what_it_means() -> None:
    fields = {
        f"{name}.{field}": one
        for name, part in SCHEMA["$defs"].items()
        for field, one in part.get("properties", {}).items()
    }
    assert len(fields) > 60
    assert [name for name, one in fields.items() if len(one.get("description", "")) < 10] == []


def test_the_schema_takes_what_the_functions_take_in_yaml_too_and_nothing_misspelt() -> None:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    validator.check_schema(SCHEMA)
    document: Any = yaml.safe_load(FLEET.replace("19:00", '"19:00"').replace("07:00", '"07:00"'))
    assert validator.is_valid(document)
    for path, value in ((("groups", "web", "on_drfit"), "heal"), (("targets", 0), 7), (("groups", "A b"), {})):
        wrong = json.loads(json.dumps(document))
        part = wrong
        for key in path[:-1]:
            part = part[key]
        part[path[-1]] = value
        assert not validator.is_valid(wrong), path


@pytest.mark.parametrize(("name", "most"), [("watch.yaml", 60_000), ("watch.json", 220_000)])
def test_five_hundred_targets_are_read_within_a_second(name: str, most: int) -> None:
    arns = [f"{STORE}/team-{number}/73e2d6bc24d8{number:04x}" for number in range(500)]
    listed = "".join(f"      - {arn}\n" for arn in arns)
    text = FLEET.replace(f"      - {STORE}/b/73e2d6bc24d8a068\n", listed)
    if name == "watch.json":
        text = msgspec.json.format(msgspec.json.encode(load(text)), indent=0).decode()
    with within(1):
        watch = load(text, name)
    assert len(watch.targets) == 501
    assert len(text) < most


@pytest.mark.parametrize(
    "text",
    [
        FLEET + "".join(f"word{number}: 1\n" for number in range(60_000)),
        FLEET.replace(
            "bundles:\n", "bundles:\n" + "".join(f"  - {{id: b{n}, sources: [s{n}]}}\n" for n in range(20_000))
        ),
        json.dumps({"sources": [{"id": f"s{n}", "region": f"us-eats-{n}", "credentials": "x"} for n in range(14_000)]}),
    ],
    ids=["keys", "references", "regions"],
)
def test_a_megabyte_of_mistakes_is_refused_in_bounded_time(text: str) -> None:
    assert len(text) < watch_text.LARGEST
    with within(15):
        assert len(mistakes(text)) == 501
