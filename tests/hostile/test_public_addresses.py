"""Where a URL of a stranger may lead: no address of a special purpose, by every entry of IANA's registries."""

from ipaddress import ip_address, ip_network

import pytest

from rotation_watcher.adapters.public_addresses import is_public

REGISTRY_4 = """
    0.0.0.0/8 0.0.0.0/32 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.0.0/29
    192.0.0.8/32 192.0.0.9/32 192.0.0.10/32 192.0.0.170/32 192.0.0.171/32 192.0.2.0/24 192.31.196.0/24 192.52.193.0/24
    192.88.99.0/24 192.88.99.2/32 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24
    240.0.0.0/4 255.255.255.255/32
"""
REGISTRY_6 = """
    ::1/128 ::/128 ::ffff:0:0/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23 2001::/32 2001:1::1/128 2001:1::2/128
    2001:1::3/128 2001:2::/48 2001:3::/32 2001:4:112::/48 2001:10::/28 2001:20::/28 2001:30::/28 2001:db8::/32 2002::/16
    2620:4f:8000::/48 3fff::/20 5f00::/16 fc00::/7 fe80::/10
"""
"""All entries but 64:ff9b::/96, which is judged by the IPv4 address within."""
OTHERS = """
    224.0.0.0/4 ff00::/8 fec0::/10 ::/96 ::ffff:0:0:0/96 4000::/3 6000::/3 8000::/3 a000::/3 c000::/3 e000::/4 f000::/5
    200::/7 400::/6 800::/5 1000::/4 64:ff9b::a00:0/104 64:ff9b::7f00:0/104 64:ff9b::a9fe:0/112 64:ff9b::e000:0/100
"""
"""Multicast, withdrawn forms, blocks out of which nothing is assigned, and NAT64 of such IPv4 addresses."""
SPECIAL = [*REGISTRY_4.split(), *REGISTRY_6.split(), *OTHERS.split()]

PUBLIC = """
    1.1.1.1 8.8.8.8 52.95.110.1 100.63.255.255 100.128.0.1 172.15.255.255 172.32.0.1 192.0.1.1 198.17.255.255 198.20.0.1
    223.255.255.255 2001:200::1 2606:4700::1111 2600:1f18::1 2a00:1450::1 2003::1 64:ff9b::808:808
"""
SERVICES = "169.254.169.254 169.254.170.2 169.254.169.253 fd00:ec2::254 fd00:ec2::253 fd00:ec2::23 100.100.100.200"
"""Where clouds keep metadata, credentials, DNS and time."""


@pytest.mark.parametrize("network", SPECIAL)
def test_no_address_of_a_special_block_is_public(network: str) -> None:
    block = ip_network(network)
    for address in {block[0], block[block.num_addresses // 2], block[-1]}:
        assert not is_public(address), address


@pytest.mark.parametrize("address", SERVICES.split())
def test_no_service_of_a_cloud_is_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC.split())
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(ip_address(address))


def test_an_address_with_a_scope_is_not_public() -> None:
    assert not is_public(ip_address("2606:4700::1111%eth0"))


@pytest.mark.parametrize("address", ["224.0.0.1", "192.88.99.1", "ff0e::1", "fec0::1", "4000::1", "64:ff9b::a00:1"])
def test_the_rule_is_needed_because_the_standard_library_calls_these_global(address: str) -> None:
    assert ip_address(address).is_global
    assert not is_public(ip_address(address))
