"""What stands around a trust store in an account: a VPC, subnets, a load balancer and its HTTPS listener."""

from dataclasses import dataclass
from typing import Any

from local.aws.other_place import OtherPlace
from local.aws.server import EmbeddedAws


@dataclass(frozen=True)
class HttpsListener:
    """The ARNs of an ALB's HTTPS listener and of the ALB."""

    listener_arn: str
    load_balancer_arn: str


def make_https_listener(
    aws: EmbeddedAws | OtherPlace,
    *,
    name: str = "edge",
    mutual_authentication: dict[str, Any] | None = None,
) -> HttpsListener:
    """Make a VPC, two subnets, an ALB and an HTTPS listener in one call.

    ``mutual_authentication`` is the parameter of CreateListener, such as ``{"Mode": "verify", "TrustStoreArn": …}``.
    """
    place = aws.region
    ec2, elb = aws.client("ec2"), aws.client("elbv2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{place}{zone}")["Subnet"][
            "SubnetId"
        ]
        for number, zone in enumerate("ab")
    ]
    balancer = elb.create_load_balancer(Name=name, Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    more = {} if mutual_authentication is None else {"MutualAuthentication": mutual_authentication}
    listener = elb.create_listener(
        LoadBalancerArn=balancer,
        Protocol="HTTPS",
        Port=443,
        Certificates=[{"CertificateArn": aws.certificate()}],
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}],
        **more,
    )["Listeners"][0]["ListenerArn"]
    return HttpsListener(listener, balancer)
