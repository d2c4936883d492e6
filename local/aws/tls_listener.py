"""A Network Load Balancer in an account, and its TLS listener."""

from typing import Any

from local.aws.other_place import OtherPlace
from local.aws.server import EmbeddedAws


def make_tls_listener(
    aws: EmbeddedAws | OtherPlace, *, name: str = "door", mutual_authentication: dict[str, Any] | None = None
) -> str:
    """Make a VPC, two subnets, a target group, an NLB and a TLS listener in one call; the listener's ARN.

    ``mutual_authentication`` is the parameter of CreateListener, such as ``{"Mode": "verify", "TrustStoreArn": …}``.
    """
    place = aws.region
    ec2, elb = aws.client("ec2"), aws.client("elbv2")
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.1.{number}.0/24", AvailabilityZone=f"{place}{zone}")["Subnet"][
            "SubnetId"
        ]
        for number, zone in enumerate("ab")
    ]
    balancer = elb.create_load_balancer(Name=name, Subnets=subnets, Type="network")["LoadBalancers"][0]
    group = elb.create_target_group(Name=name, Protocol="TCP", Port=8080, VpcId=vpc)["TargetGroups"][0]
    more = {} if mutual_authentication is None else {"MutualAuthentication": mutual_authentication}
    listener = elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="TLS",
        Port=443,
        Certificates=[{"CertificateArn": aws.certificate()}],
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}],
        **more,
    )["Listeners"][0]
    return str(listener["ListenerArn"])
