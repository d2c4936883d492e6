"""The deployed stack, as CloudFormation describes it: its parameters, outputs and resources; and its functions."""

import json
import shlex
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import msgspec
from botocore.exceptions import ClientError

from genesys_certs import aws
from genesys_certs.problems import Problem
from rotation_watcher import config, keys
from rotation_watcher.adapters.s3 import S3Store
from rotation_watcher.alerts.builders.wording import plain
from rotation_watcher.config import Authority, Source, Watch
from rotation_watcher.errors import ConfigurationError
from rotation_watcher.nearest import nearest
from rotation_watcher.trust.operator_files import anchors_read

DEFAULT_NAME = "genesys-certificate-watcher"


class Stack:
    """One stack. Raises Problem where there is none of that name in the region."""

    def __init__(self, name: str, region: str) -> None:
        self.name = name
        self.region = region
        described = _describe(name, region)
        self.status = str(described["StackStatus"])
        self.account = str(described["StackId"]).split(":")[4]
        self.outputs: Mapping[str, str] = {
            one["OutputKey"]: one["OutputValue"] for one in described.get("Outputs", []) if "OutputValue" in one
        }
        self.parameters: Mapping[str, str] = {
            one["ParameterKey"]: one.get("ParameterValue", "") for one in described.get("Parameters", [])
        }

    @cached_property
    def resources(self) -> Mapping[str, str]:
        """The physical id of each resource, by its logical one."""
        pages = aws.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=self.name)
        found = (one for page in pages for one in page["StackResourceSummaries"])
        return {one["LogicalResourceId"]: one.get("PhysicalResourceId", "") for one in found}

    @property
    def bucket(self) -> str:
        """The stack's bucket."""
        return self.output("BucketName")

    @cached_property
    def store(self) -> S3Store:
        """The stack's bucket, read with the operator's own rights."""
        return S3Store(aws.client("s3"), self.bucket, owner=self.account)

    def output(self, name: str) -> str:
        """An output. Raises Problem where the stack has none of that name: it is another one, or an old one."""
        if name not in self.outputs:
            remedy = "Is it the watcher's stack? Name it with --stack-name, or deploy this release."
            raise Problem("not-the-watcher", f"The stack {self.name} has no output {name}.", remedy)
        return self.outputs[name]

    def resource(self, name: str) -> str:
        """The physical id of a resource. Raises Problem."""
        if not self.resources.get(name):
            remedy = "Is it the watcher's stack? Name it with --stack-name, or deploy this release."
            raise Problem("not-the-watcher", f"The stack {self.name} has no resource {name}.", remedy)
        return self.resources[name]

    def upload_root(self, source: Source, authority: str) -> str:
        """The command that puts a root where the source reads those of that authority."""
        key = dict(zip(source.authorities, anchors_read(source), strict=True))[Authority(authority)]
        return f"aws s3 cp root.pem {shlex.quote(f's3://{self.bucket}/{key}')} --region {self.region}"

    def watch(self) -> Watch:
        """The watch file that is in use, or the one that the parameters stand for. Raises ConfigurationError."""
        place = self.parameters.get("WatchFileUri", "")
        if place:
            return config.load(
                self._watch_file(place),
                stack_region=self.region,
                stack_account=self.account,
                elsewhere=self.elsewhere,
                name=place,
            )
        return config.simple(
            mode=self.parameters.get("Mode", "observe"),
            region=self.parameters.get("GenesysRegion", ""),
            authorities=self.listed("Authorities"),
            credentials=self.listed("CredentialArns"),
            targets=self.listed("TargetArns"),
            stack_region=self.region,
            stack_account=self.account,
            elsewhere=self.elsewhere,
        )

    def _watch_file(self, where: str) -> bytes:
        place = keys.place(where)
        own = place is not None and place.bucket == self.bucket
        return read_s3(where, owner=self.account if own else self.parameters.get("WatchFileAccount") or self.account)

    def parse(self, document: object) -> Watch:
        """A watch file that was kept, for this stack. Raises ConfigurationError."""
        return config.from_kept(
            document, stack_region=self.region, stack_account=self.account, elsewhere=self.elsewhere
        )

    @property
    def region_buckets(self) -> list[str]:
        """The names of its buckets in other regions."""
        return [arn.rpartition(":")[2] for arn in self.listed("RegionBucketArns")]

    @property
    def elsewhere(self) -> config.Elsewhere:
        """What it reaches in other regions and accounts."""
        return config.Elsewhere(self.region_buckets, self.listed("TargetRoleArns"))

    def listed(self, name: str) -> list[str]:
        """The items of a parameter that is a list."""
        return [one.strip() for one in self.parameters.get(name, "").split(",") if one.strip()]

    def invoke(self, function: str, event: Mapping[str, Any]) -> Any:
        """The answer of a function to an event; it waits for the whole run.

        Raises Problem with the function's own words where it failed.
        """
        answer = aws.invoking().invoke(FunctionName=self.resource(function), Payload=json.dumps(event).encode())
        body = answer["Payload"].read()
        try:
            document = msgspec.json.decode(body)
        except msgspec.DecodeError as error:
            raise Problem("function-failed", f"{function} gave no answer that can be read.") from error
        if "FunctionError" in answer:
            said = document if isinstance(document, dict) else {}
            kind, words = str(said.get("errorType", "")), plain(str(said.get("errorMessage", "no reason given")), 1000)
            code = "refused" if kind == "RequestRefused" else "function-failed"
            remedy = (
                "" if code == "refused" else f"Its log says more: aws logs tail --since 1h {self._log_group(function)}"
            )
            raise Problem(code, words if code == "refused" else f"{function}: {kind}: {words}", remedy)
        return document

    def _log_group(self, function: str) -> str:
        name = function.replace("Function", "Logs")  # one of the two exists, by KeepLogs
        found = self.resources.get(name) or self.resources.get(f"Kept{name}")
        return found or f"/aws/lambda/{self.resource(function)}"


def read_s3(where: str, *, owner: str | None = None) -> bytes:
    """The object at an ``s3://`` address, in a bucket of the account ``owner`` (None: of whatever account).

    Raises ConfigurationError where there is none, StoreError.
    """
    place = keys.place(where)
    if place is None:
        raise ConfigurationError([f"{where!r} is no s3://bucket/key"])
    stored = S3Store(aws.client("s3"), place.bucket, owner=owner).get(place.key)
    if stored is None:
        whose = f", or its bucket is not of account {owner}" if owner else ""
        raise ConfigurationError([f"{where}: does not exist, or may not be read{whose}"])
    return stored.body


def _describe(name: str, region: str) -> Any:
    cloudformation = aws.client("cloudformation")
    try:
        return cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        words = str(error.response.get("Error", {}).get("Message", ""))
        if "does not exist" not in words and "not found" not in words.lower():
            raise
    message = f"There is no stack {name} in {region}."
    raise Problem("no-such-stack", message, _other_stacks(cloudformation, name)) from None


def _other_stacks(cloudformation: Any, name: str) -> str:
    """What else there is, where it may be asked."""
    remedy = "Give --stack-name and --region of the deployed stack, or deploy it first."
    try:
        pages = cloudformation.get_paginator("describe_stacks").paginate()
        stacks = [one for page in pages for one in page["Stacks"]]
    except ClientError:
        return remedy
    ours = [
        one["StackName"] for one in stacks if "watches the client certificates" in one.get("Description", "").lower()
    ]
    near = ours or nearest(name, [one["StackName"] for one in stacks])
    return f"Did you mean {' or '.join(near[:3])}? {remedy}" if near else remedy
