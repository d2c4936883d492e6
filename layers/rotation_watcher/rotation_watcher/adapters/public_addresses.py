"""Which addresses lie on the public internet, so that a URL of a stranger may lead to them.

``ipaddress.is_global`` is needed and not enough: in 3.13.0 it takes multicast, site-local and unallocated addresses,
and those of NAT64 that carry a private IPv4 address within, for global. So IPv6 must come from the one block out of
which public addresses are assigned, and what it passes of IANA's registries is written out here, whether or not a
packet would get there: no file lies at an anycast address of a protocol. Sources: the registries of special-purpose
addresses for IPv4 and IPv6, RFC 6890, RFC 6052 (NAT64), RFC 7526 (6to4).
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

type Address = IPv4Address | IPv6Address

_SPECIAL_4 = tuple(
    IPv4Network(each)
    for each in (
        "192.0.0.0/24",  # protocol assignments, two anycast addresses among them
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays, withdrawn
        "192.175.48.0/24",  # AS112
        "224.0.0.0/4",  # multicast
    )
)
_ASSIGNED_6 = IPv6Network("2000::/3")
_SPECIAL_6 = tuple(
    IPv6Network(each)
    for each in (
        "2001::/23",  # protocol assignments: Teredo, benchmarking, ORCHID …
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")


def is_public(address: Address) -> bool:
    """Whether an address is assigned on the public internet and is none of a special purpose.

    An address of NAT64 is what the IPv4 address within it is: a resolver with DNS64, such as a VPC's, gives these for
    names that have IPv4 addresses alone. Every other form that carries an IPv4 address is refused, as is a scope.
    """
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return False
        if address in _NAT64:
            return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
        return address in _ASSIGNED_6 and address.is_global and not any(address in each for each in _SPECIAL_6)
    return address.is_global and not any(address in each for each in _SPECIAL_4)
