"""An environment in which a script of tests/integration can run: in memory, or over sockets with the real adapters.

``AnyEnvironment`` is what both offer beside the runs of the functions: what operators and other people do to bucket,
secrets and targets, and what can be seen of it. ``tests/contract`` holds the two kinds of ports to the same sentences.
"""

from abc import abstractmethod
from datetime import timedelta
from typing import Any, NamedTuple

from local.base_environment import BUCKET, BaseEnvironment
from local.environment import Environment
from local.genesys.server import Simulator
from tests.support import others
from tests.support.in_process_genesys import InProcessGenesys


class Call(NamedTuple):
    """One call of the watcher to AWS. ``resource`` is ``bucket/key`` for an object."""

    operation: str
    resource: str
    mutating: bool


class AnyEnvironment(BaseEnvironment):
    """See the module."""

    simulator: Simulator | InProcessGenesys

    @abstractmethod
    def add_trust_store(self, target: str, bundle: str, pem: str, **more: Any) -> str:
        """An ALB trust store that holds ``pem``, with a verify-mode listener; its ARN."""

    @abstractmethod
    def add_rest_domain(self, target: str, bundle: str, pem: str, **more: Any) -> str:
        """A REST API behind a domain with mutual TLS that holds ``pem``; the domain's ARN."""

    @abstractmethod
    def add_http_domain(self, target: str, bundle: str, pem: str, **more: Any) -> str:
        """An HTTP API behind a domain with mutual TLS that holds ``pem``; the domain's ARN."""

    @abstractmethod
    def calls(self) -> list[Call]:
        """The watcher's calls to AWS since ``forget_calls``."""

    @abstractmethod
    def forget_calls(self) -> None:
        """Count from here."""

    def writes(self) -> list[Call]:
        """Those that change something."""
        return [call for call in self.calls() if call.mutating]

    @abstractmethod
    def delete(self, key: str) -> None:
        """Somebody deletes an object."""

    @abstractmethod
    def objects(self) -> list[str]:
        """The keys of the bucket."""

    @abstractmethod
    def put_secret(self, name: str, text: str) -> str:
        """Store a secret; its ARN."""

    @abstractmethod
    def secret(self, arn: str) -> str | None:
        """A secret's text, or None."""

    @abstractmethod
    def delete_secret(self, arn: str) -> None:
        """Delete it."""

    @abstractmethod
    def reject_updates(self, target: str, times: int) -> None:
        """Let a trust store refuse the content of the next updates."""

    @abstractmethod
    def stale_reads(self, target: str, reads: int) -> None:
        """Let the next reads of a trust store show what it held before its last change."""

    @abstractmethod
    def settle_after(self, delay: timedelta) -> None:
        """How long a domain is UPDATING from now on."""

    @abstractmethod
    def location(self, target: str) -> str | None:
        """Where a domain loads its truststore from."""

    @abstractmethod
    def warnings(self, target: str) -> list[str]:
        """What a domain says of its truststore."""

    @abstractmethod
    def warn_of_updates(self, warning: str) -> None:
        """Let API Gateway say this of every truststore that a domain takes from now on."""

    @abstractmethod
    def load_elsewhere(self, target: str, pem: str) -> None:
        """Somebody points a target at a bundle of his own."""

    @abstractmethod
    def turn_off(self, target: str) -> None:
        """Somebody turns a domain's mutual TLS off."""

    @abstractmethod
    def pass_through(self, target: str) -> None:
        """Somebody switches a trust store's listener to passthrough."""

    @abstractmethod
    def open_endpoint(self, target: str) -> None:
        """Somebody opens the default endpoint of the API behind a domain."""

    @abstractmethod
    def remove_target(self, target: str) -> None:
        """Somebody deletes a trust store."""


class OverSockets(Environment, AnyEnvironment):
    """The real adapters, over HTTP, to the simulator and the embedded AWS. One target of each kind."""

    simulator: Simulator

    def calls(self) -> list[Call]:
        """See ``AnyEnvironment``."""
        return [Call(call.operation, call.resource, call.mutating) for call in self.aws.calls]

    def forget_calls(self) -> None:
        """See ``AnyEnvironment``."""
        self.aws.calls.clear()

    def delete(self, key: str) -> None:
        """See ``AnyEnvironment``."""
        self.s3.delete_object(Bucket=BUCKET, Key=key)

    def objects(self) -> list[str]:
        """See ``AnyEnvironment``."""
        return [each["Key"] for each in self.s3.list_objects_v2(Bucket=BUCKET)["Contents"]]

    def put_secret(self, name: str, text: str) -> str:
        """See ``AnyEnvironment``."""
        ssm = self.aws.client("ssm")
        ssm.put_parameter(Name=name, Type="SecureString", Value=text)
        return str(ssm.get_parameter(Name=name)["Parameter"]["ARN"])

    def secret(self, arn: str) -> str | None:
        """See ``AnyEnvironment``."""
        found = self.aws.client("ssm").get_parameter(Name=arn, WithDecryption=True)
        return str(found["Parameter"]["Value"])

    def delete_secret(self, arn: str) -> None:
        """See ``AnyEnvironment``."""
        self.aws.client("ssm").delete_parameter(Name=arn.partition(":parameter")[2])

    def reject_updates(self, target: str, times: int) -> None:
        """See ``AnyEnvironment``."""
        del target  # there is one trust store
        self.aws.fail_next("elbv2", "ModifyTrustStore", "InvalidCaCertificatesBundle", times=times)

    def stale_reads(self, target: str, reads: int) -> None:
        """See ``AnyEnvironment``."""
        self.aws.stale_reads(self.arn(target), reads)

    def settle_after(self, delay: timedelta) -> None:
        """See ``AnyEnvironment``."""
        self.aws.knobs.settle_delay = delay

    def location(self, target: str) -> str | None:
        """See ``AnyEnvironment``."""
        uri = self._truststore(target).get("truststoreUri")
        return uri if uri is None else str(uri)

    def warnings(self, target: str) -> list[str]:
        """See ``AnyEnvironment``."""
        return list(self._truststore(target).get("truststoreWarnings", []))

    def warn_of_updates(self, warning: str) -> None:
        """See ``AnyEnvironment``."""
        self.aws.knobs.truststore_warnings = (warning,)

    def load_elsewhere(self, target: str, pem: str) -> None:
        """See ``AnyEnvironment``."""
        (others.load if target == "alb" else others.point_rest)(self, pem)

    def turn_off(self, target: str) -> None:
        """See ``AnyEnvironment``."""
        del target  # there is one REST domain
        others.turn_off_rest(self)

    def pass_through(self, target: str) -> None:
        """See ``AnyEnvironment``."""
        del target  # there is one listener
        others.pass_through(self)

    def open_endpoint(self, target: str) -> None:
        """See ``AnyEnvironment``."""
        del target  # there is one REST API
        others.open_rest(self)

    def remove_target(self, target: str) -> None:
        """See ``AnyEnvironment``."""
        elb = self.aws.client("elbv2")
        elb.delete_listener(ListenerArn=self.listener.listener_arn)
        elb.delete_trust_store(TrustStoreArn=self.arn(target))

    def _truststore(self, target: str) -> dict[str, Any]:
        domain = self.aws.client("apigateway").get_domain_name(domainName=f"{target}.example.com")
        found: dict[str, Any] = domain["mutualTlsAuthentication"]
        return found
