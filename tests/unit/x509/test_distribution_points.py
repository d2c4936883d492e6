from cryptography import x509

from rotation_watcher.x509.distribution_points import MAX_URLS, DistributionPoints, distribution_points
from tests.support.pki import leaf, name, root

ROOT = root("Root")
A, B, LDAP = (
    "http://a.example/1.crl",
    "https://b.example:8443/1.crl?x=1",
    "ldap://c.example/cn=1?certificateRevocationList",
)


def uri(*urls: str) -> list[x509.GeneralName]:
    return [x509.UniformResourceIdentifier(url) for url in urls]


def point(
    *names: x509.GeneralName, issuer: bool = False, reasons: frozenset[x509.ReasonFlags] | None = None
) -> x509.DistributionPoint:
    signer = [x509.DirectoryName(name("Signer"))] if issuer else None
    return x509.DistributionPoint([*names] or None, None, reasons, signer)


def of(*points: x509.DistributionPoint) -> DistributionPoints:
    return distribution_points(leaf(ROOT, extra=[(x509.CRLDistributionPoints(points), False)]).read)


def test_a_certificate_without_the_extension_names_none() -> None:
    assert distribution_points(leaf(ROOT).read) == ((), (), {})


def test_urls_come_in_their_order_and_once() -> None:
    found = of(point(*uri(B, A)), point(*uri(A)))
    assert found.urls == (B, A)
    assert found.untaken == ()


def test_other_schemes_are_told_apart_and_still_name_the_point() -> None:
    found = of(point(*uri(LDAP, A)), point(*uri(B)))
    assert found.urls == (A, B)
    assert found.untaken == (("other-scheme", LDAP),)
    assert found.names == {A: {LDAP, A}, B: {B}}


def test_points_whose_list_is_not_the_issuers_whole_one_are_not_followed() -> None:
    relative = x509.RelativeDistinguishedName([*name("part", organization=None)])
    found = of(
        point(*uri(A), issuer=True),
        point(*uri(A), reasons=frozenset({x509.ReasonFlags.key_compromise})),
        x509.DistributionPoint(None, relative, None, None),
        point(x509.DirectoryName(name("d"))),
        point(*uri(B)),
    )
    assert found.urls == (B,)
    assert [each.code for each in found.untaken] == ["indirect", "some-reasons", "other-name"]


def test_what_is_no_url_that_anybody_could_fetch_is_not_followed() -> None:
    strange = [
        "one.crl", "http://", "http:///one.crl", "http://[::1/", "http://a.example:port/", "http://a:b@c.example/",
        "http://a.example/ x", "http://a.example/\r\nHost:b", f"http://a.example/{'x' * 2048}",
    ]  # fmt: skip
    found = of(point(*uri(*strange, A)))
    assert found.urls == (A,)
    assert {each.code for each in found.untaken} == {"not-a-url"}
    assert all(len(each.name) <= 200 for each in found.untaken)


def test_a_flood_of_urls_is_bounded() -> None:
    found = of(point(*uri(*(f"http://a.example/{each}" for each in range(200)))))
    assert len(found.urls) == MAX_URLS
    assert {each.code for each in found.untaken} == {"too-many"}
    assert len(found.untaken) <= MAX_URLS
