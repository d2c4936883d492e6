"""The built functions, and a world in real time for them."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local.building import MACHINE, built
from local.cli_serve import WallClock
from local.environment import Environment
from local.genesys.keys import DEFAULT_CACHE
from local.lambda_runtime import LambdaFunction
from local.receiver import SlackReceiver
from tests.stack.template import load
from tests.support.roles import Resolver

type Start = Callable[..., LambdaFunction]


@pytest.fixture(scope="session")
def runnable() -> Path:
    """The build for this machine's own processor."""
    return built(MACHINE)


@pytest.fixture(scope="session")
def template(runnable: Path) -> dict[str, Any]:
    """The template that ``sam deploy`` would take, as data."""
    return load(runnable / "template.yaml")


@pytest.fixture(scope="module")
def environment() -> Iterator[Environment]:
    """Genesys and AWS in real time, with one source and one trust store that holds somebody else's root."""
    with Environment(datetime.now(UTC), DEFAULT_CACHE, clock=WallClock(), world={"root_key_bits": 2048}) as environment:
        environment.world.region("us-east-1")
        environment.add_source("use1", "us-east-1")
        environment.add_bundle("main", ["use1"])
        environment.add_trust_store("genesys-clients", "main", environment.world.region("sa-east-1").root_pem())
        environment.configure()
        yield environment


@pytest.fixture(scope="module")
def slack(environment: Environment) -> Iterator[SlackReceiver]:
    with SlackReceiver() as receiver:
        environment.aws.client("ssm").put_parameter(Name="/genesys/slack", Type="SecureString", Value=receiver.url)
        yield receiver


@pytest.fixture
def start(runnable: Path, template: dict[str, Any], environment: Environment) -> Start:
    """Make a function with the template's settings, and the environment that it would have in this world."""

    def make(name: str, *, timeout: int | None = None, **variables: str) -> LambdaFunction:
        properties = template["Resources"][name]["Properties"]
        secrets = {
            "SLACK_SECRET_ARN": environment.secret_arn.replace("oauth", "slack"),
            "CREDENTIAL_ARNS": environment.secret_arn,
        }
        given = environment.variables() | secrets
        described = template["Globals"]["Function"]["Environment"]["Variables"]
        described = described | properties["Environment"]["Variables"]
        described = {
            each: chosen for each, node in described.items() if (chosen := _chosen(node, template)) is not None
        }
        settings = {each: _value(node, each, given, template) for each, node in described.items()}
        logging = properties["LoggingConfig"]  # Lambda tells the runtime by these two
        level = _value(logging["ApplicationLogLevel"], "", {}, template)
        settings |= {"AWS_LAMBDA_LOG_FORMAT": logging["LogFormat"], "AWS_LAMBDA_LOG_LEVEL": level}
        return LambdaFunction(
            runnable,
            name,
            given | settings | variables,
            timeout=timeout or properties["Timeout"],
            memory=properties["MemorySize"],
        )

    return make


def _chosen(node: Any, template: dict[str, Any]) -> Any:
    """What a condition chooses with the parameters' defaults; None: the variable is not there."""
    return Resolver({}, {}, template).of({"it": node}).get("it") if "Fn::If" in node else node


def _value(node: Any, name: str, given: dict[str, str], template: dict[str, Any]) -> str:
    """What the template gives a variable: its text, what stands for a resource here, or the parameter's default."""
    if isinstance(node, str):
        return node
    if name in given:
        return given[name]
    reference = node["Fn::Join"][1] if "Fn::Join" in node else node
    if reference == {"Ref": "AWS::StackName"}:
        return "a-stack"
    if reference == {"Ref": "AWS::AccountId"}:
        return "123456789012"
    return str(template["Parameters"][reference["Ref"]]["Default"])
