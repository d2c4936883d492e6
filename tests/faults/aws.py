"""AWS's faults: through microburst where a call fails, by the embedded AWS where the service itself misbehaves."""

import json
from datetime import timedelta

from tests.faults.environment import FaultyEnvironment
from tests.faults.rows import SOURCE, TARGET, End, Injection, Row, When, cold, error, knob, on_the_wire, stale_reads

_WHO = "User: arn:aws:sts::123456789012:assumed-role/watcher/run is not authorized to perform: "
_WHY = " on the resource associated with this ciphertext because no identity-based policy allows it"
DISABLED = "arn:aws:kms:us-east-1:123456789012:key/0a1b is disabled."
DECRYPT, GENERATE = f"{_WHO}kms:Decrypt{_WHY}", f"{_WHO}kms:GenerateDataKey{_WHY}"
_OF_LIST = " on resource: arn:aws:apigateway:us-east-1::/domainnames because no identity-based policy allows it"
REMOVE_TLS, ADD_TLS = (
    f"{_WHO}apigateway:{action}{_OF_LIST}" for action in ("RemoveCertificateFromDomain", "AddCertificateToDomain")
)
"""UpdateDomainName is checked for three actions: the alert must say which of them is denied, and where."""

V2_UPDATE = {"body": "domainNameConfigurations"}
"""UpdateDomainName of API Gateway v2, which microburst does not know by name: the one call that sends these along."""


BOTH = frozenset({"collect", "publish"})


def release(faulty: FaultyEnvironment) -> None:
    """A person's word: rejected content is not tried again before it changes, or without one."""
    faulty.environment.publish(release=faulty.target)


def untold(name: str, injection: Injection) -> Row:
    """Nothing can be told at once while there is something that must: the target's run says so until it can."""

    def start(faulty: FaultyEnvironment) -> End:
        faulty.damage()
        return injection(faulty)

    return Row(
        name,
        start,
        When.ALARM,
        loud=frozenset({"publish"}),
        person=FaultyEnvironment.repair,
        besides="file-damaged",
    )


def conditional(code: str, status: int) -> Injection:
    """S3 answers so to every write with a condition, and takes every other."""
    rules = {
        "service": "s3",
        "operation": "PutObject",
        "error": {"code": code, "status": status, "message": "At least one of the conditions did not hold"},
    }
    return on_the_wire(*({**rules, "headers": {header: ""}} for header in ("If-Match", "If-None-Match")))


def in_secrets_manager(injection: Injection) -> Injection:
    """The OAuth client lies in Secrets Manager instead of SSM, from before the fault on."""

    def start(faulty: FaultyEnvironment) -> End:
        environment = faulty.environment
        secret = {"client_id": environment.simulator.client_id, "client_secret": environment.simulator.client_secret}
        made = environment.aws.client("secretsmanager").create_secret(Name="oauth", SecretString=json.dumps(secret))
        environment.watch["sources"][0]["credentials"] = made["ARN"]
        environment.configure()
        return injection(faulty)

    return start


THROTTLED = (
    Row(
        "elbv2 throttles the update",
        error("elbv2", "ModifyTrustStore", "Throttling", 400, "Rate exceeded"),
        When.HALF_AN_HOUR,
        TARGET,
        "target-busy",
        "Rate exceeded",
        "put-off",
    ),
    Row(
        "elbv2 throttles every call",
        error("elbv2", None, "Throttling", 400, "Rate exceeded"),
        When.HALF_AN_HOUR,
        TARGET,
        "target-busy",
        "Rate exceeded",
        "target-busy",
    ),
    Row(
        "elbv2 resets the connection of the update",
        on_the_wire({"service": "elbv2", "operation": "ModifyTrustStore", "reset": True}),
        When.HALF_AN_HOUR,
        TARGET,
        "target-failed",
        "Connection",
        "failed",
    ),
    Row(
        "API Gateway TooManyRequests (REST)",
        error("apigateway", "UpdateDomainName", "TooManyRequestsException", 429, "Too Many Requests"),
        When.HALF_AN_HOUR,
        TARGET,
        "target-busy",
        "Too Many Requests",
        "put-off",
        "rest",
    ),
    Row(
        "API Gateway TooManyRequests (HTTP)",
        error("apigateway", None, "TooManyRequestsException", 429, "Too Many Requests", **V2_UPDATE),
        When.HALF_AN_HOUR,
        TARGET,
        "target-busy",
        "Too Many Requests",
        "put-off",
        "http",
    ),
    Row(
        "API Gateway Conflict (HTTP)",
        error("apigateway", None, "ConflictException", 409, "Unable to complete the operation", **V2_UPDATE),
        When.HALF_AN_HOUR,
        TARGET,
        "target-busy",
        "Unable to complete",
        "put-off",
        "http",
    ),
)

# Not microburst's: here the calls succeed, and the service does not do, or does not show, what was asked.
MISLEADING = (
    Row(
        "UPDATING that never ends (REST)",
        knob(settle_delay=timedelta(days=1)),
        When.HALF_AN_HOUR,
        TARGET,
        "still-updating",
        "does not show",
        "still-updating",
        "rest",
        proxied=False,
    ),
    Row(
        "a few stale read-backs",
        stale_reads(3),
        When.NEVER,
        outcome="updated",
        proxied=False,
    ),
    Row(
        "stale read-backs without end",
        stale_reads(10_000),
        When.HALF_AN_HOUR,
        TARGET,
        "unproven",
        "does not show",
        "unproven",
        proxied=False,
    ),
    Row(
        "warnings after the update",
        knob(truststore_warnings=("Certificate 1 cannot be used.",)),
        When.AT_ONCE,
        TARGET,
        "warnings",
        "Certificate 1 cannot be used.",
        "updated",
        "rest",
        proxied=False,
    ),
)

REFUSED = (
    Row(
        "InvalidCaCertificatesBundle",
        error("elbv2", "ModifyTrustStore", "InvalidCaCertificatesBundle", 400, "The bundle is not valid"),
        When.AT_ONCE,
        TARGET,
        "bundle-rejected",
        "The bundle is not valid",
        "held",
        person=release,
    ),
    Row(
        "KMS denied to elbv2",
        error("elbv2", "ModifyTrustStore", "AccessDenied", 403, DECRYPT),
        When.AT_ONCE,
        TARGET,
        "target-denied",
        "kms:Decrypt",
        "failed",
    ),
    Row(
        "API Gateway denies one of its actions (REST)",
        error("apigateway", "UpdateDomainName", "AccessDeniedException", 403, REMOVE_TLS),
        When.AT_ONCE,
        TARGET,
        "target-denied",
        REMOVE_TLS.partition("perform: ")[2],
        "failed",
        "rest",
    ),
    Row(
        "API Gateway denies one of its actions (HTTP)",
        error("apigateway", None, "AccessDeniedException", 403, ADD_TLS, **V2_UPDATE),
        When.AT_ONCE,
        TARGET,
        "target-denied",
        ADD_TLS.partition("perform: ")[2],
        "failed",
        "http",
    ),
    Row(
        "KMS denied to SSM",
        cold(error("ssm", "GetParameter", "AccessDeniedException", 400, DECRYPT)),
        When.AT_ONCE,
        SOURCE,
        "credentials-missing",
        "kms:Decrypt",
        "credentials-missing",
    ),
    Row(
        "KMS denied to Secrets Manager",
        in_secrets_manager(
            cold(
                error("secretsmanager", "GetSecretValue", "AccessDeniedException", 400, "Access to KMS is not allowed")
            )
        ),
        When.AT_ONCE,
        SOURCE,
        "credentials-missing",
        "Access to KMS is not allowed",
        "credentials-missing",
        lonely=True,
    ),
)

# Neither state nor message can be kept or sent: what is loud is the run itself (functions/*/app.py raise).
UNSPEAKABLE = (
    Row("S3 SlowDown", error("s3", None, "SlowDown", 503, "Please reduce your request rate."), When.ALARM, loud=BOTH),
    Row("S3 SlowDown on writes", error("s3", "PutObject", "SlowDown", 503), When.ALARM, loud=BOTH),
    Row("S3 412 on conditional writes", conditional("PreconditionFailed", 412), When.ALARM, loud=BOTH),
    Row("S3 409 on conditional writes", conditional("ConditionalRequestConflict", 409), When.ALARM, loud=BOTH),
    Row("KMS denied to S3 reads", error("s3", "GetObject", "AccessDenied", 403, DECRYPT), When.ALARM, loud=BOTH),
    Row("KMS denied to S3 writes", error("s3", "PutObject", "AccessDenied", 403, GENERATE), When.ALARM, loud=BOTH),
    Row(
        "S3 reads, key disabled",
        error("s3", "GetObject", "KMS.DisabledException", 400, DISABLED),
        When.ALARM,
        loud=BOTH,
    ),
    Row(
        "S3 writes, key disabled",
        error("s3", "PutObject", "KMS.DisabledException", 400, DISABLED),
        When.ALARM,
        loud=BOTH,
    ),
    untold("SNS resets", on_the_wire({"service": "sns", "operation": "Publish", "reset": True})),
    untold("SNS, key disabled", error("sns", "Publish", "KMSDisabled", 400, DISABLED)),
    untold("KMS denied to SNS", error("sns", "Publish", "KMSAccessDenied", 400, GENERATE)),
    Row("KMS denied to SQS", error("sqs", "SendMessage", "KmsAccessDenied", 400, GENERATE), When.ALARM, loud=BOTH),
    Row("SQS, key disabled", error("sqs", "SendMessage", "KmsDisabled", 400, DISABLED), When.ALARM, loud=BOTH),
)

AWS = (*THROTTLED, *MISLEADING, *REFUSED, *UNSPEAKABLE)
