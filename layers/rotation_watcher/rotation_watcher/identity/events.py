"""The events of API Gateway's Lambda authorizers, and the answers that it expects.

REST APIs (type REQUEST) and HTTP APIs with payload 1.0 hand the certificate on in
``requestContext.identity.clientCert`` and take an IAM policy; payload 2.0 hands it on in
``requestContext.authentication.clientCert`` and takes a policy or a simple answer, as the authorizer is configured
(source: API Gateway's developer guide, "Control access to HTTP APIs with AWS Lambda authorizers"). What a client can
set itself, such as headers, is never looked at.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from rotation_watcher.identity.decision import Decision, told

type Answer = Literal["simple", "iam"]
"""What payload 2.0 is answered with (``EnableSimpleResponses``)."""


class Asked(NamedTuple):
    """What an event asks: the certificate's PEM (None: none was presented), for which ARN, in which payload version."""

    leaf: object
    arn: str | None
    version: Literal["1.0", "2.0"]


def asked(event: object) -> Asked:
    """What the event asks. Never raises: whatever is missing is None, and then nobody is let in."""
    second = _at(event, "version") == "2.0"
    place = ("authentication",) if second else ("identity",)
    leaf = _at(event, "requestContext", *place, "clientCert", "clientCertPem")
    arn = _at(event, "routeArn" if second else "methodArn")
    return Asked(leaf, arn if isinstance(arn, str) and arn.startswith("arn:") else None, "2.0" if second else "1.0")


def answer(question: Asked, decision: Decision, form: Answer) -> dict[str, Any]:
    """The answer that API Gateway expects. Its context tells the backend who came, and access logs why not."""
    said = context(decision)
    if question.version == "2.0" and form == "simple":
        return {"isAuthorized": decision.allowed, "context": said}
    allowed = decision.allowed and question.arn is not None
    statement = {
        "Action": "execute-api:Invoke",
        "Effect": "Allow" if allowed else "Deny",
        "Resource": question.arn or "*",
    }
    return {
        "principalId": decision.sha256 if allowed and decision.sha256 else "refused",
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": said,
    }


def context(decision: Decision) -> dict[str, str]:
    """What is handed on and logged: texts alone, as REST APIs demand."""
    return {name: text for name, text in told(decision).items() if text is not None}


def _at(value: object, *names: str) -> object:
    for name in names:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value
