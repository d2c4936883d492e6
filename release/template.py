"""The template of a release: its code lies in S3, at a place that two parameters name.

``sam package`` writes the name of one bucket into the template. Here everybody has a bucket of their own, in the region
of their stack. The text stays as it is but for that, so that it can be compared with the commit's.
"""

import re
from collections.abc import Callable

import yaml

_CODE = re.compile(r"^      (CodeUri|ContentUri): [^{}#]+?(?: +#.*)?$")
_RESOURCE = re.compile(r"^  (\w+):$")
_GROUPS = "    ParameterGroups:\n"
_LABELS = "    ParameterLabels:\n"
_PARAMETERS = "\nParameters:\n"
_GROUP = """\
      - Label: {default: "Where the release lies"}
        Parameters: [CodeBucket, CodePrefix]
"""
_NAMES = """\
      CodeBucket: {default: "Bucket of the release"}
      CodePrefix: {default: "Folder of the release"}
"""
_ASKED = """\
  CodeBucket:
    Type: String
    Description: >-
      Name of the S3 bucket, in the region of this stack, to which the files of the release were copied.
    AllowedPattern: "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"
    ConstraintDescription: must be the name of a bucket, without s3://
  CodePrefix:
    Type: String
    Default: DEFAULT
    Description: >-
      Folder of the release in that bucket, with a slash at its end; empty if the files lie at the top.
    AllowedPattern: "^([A-Za-z0-9._-]+/)*$"
    ConstraintDescription: must end with a slash and not begin with one, or be empty
"""


class _Plain(yaml.CSafeLoader):
    """YAML with CloudFormation's short forms, which are not looked into."""


_Plain.add_multi_constructor("!", lambda _, tag, node: (tag, node.value))


def packaged(text: str, key: Callable[[str], str], prefix: str) -> str:
    """The template whose code lies in S3. ``key`` gives the file's name by the resource's, ``prefix`` is the default.

    Raises ValueError where something of a local folder would be left.
    """
    for place in (_GROUPS, _LABELS, _PARAMETERS):
        if text.count(place) != 1:
            raise ValueError(f"the template has {place.strip()!r} {text.count(place)} times")
    text = text.replace(_GROUPS, _GROUPS + _GROUP).replace(_LABELS, _LABELS + _NAMES)
    text = text.replace(_PARAMETERS, _PARAMETERS + _ASKED.replace("DEFAULT", prefix))
    resource, lines = "", []
    for line in text.splitlines():
        if named := _RESOURCE.match(line):
            resource = named[1]
        if code := _CODE.match(line):
            place = f'{{Bucket: !Ref CodeBucket, Key: !Sub "${{CodePrefix}}{key(resource)}"}}'
            line = f"      {code[1]}: {place}"  # noqa: PLW2901
        lines.append(line)
    found = "\n".join(lines) + "\n"
    if left := [name for name, uri in coded(found).items() if not isinstance(uri, dict)]:
        raise ValueError(f"the code of {', '.join(left)} would lie in a folder of whoever deploys")
    return found


def coded(text: str) -> dict[str, object]:
    """Where the code of each function and layer of a template lies, by the resource's name."""
    resources = yaml.load(text, _Plain)["Resources"]  # noqa: S506  # it is a safe one
    kinds = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}
    return {
        name: resource["Properties"].get(kinds[resource["Type"]])
        for name, resource in resources.items()
        if resource["Type"] in kinds
    }
