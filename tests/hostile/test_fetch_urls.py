"""URLs that parsers read differently are refused before anybody is asked; none of their text is repeated."""

import pytest

from rotation_watcher.adapters.fetch_urls import MAX_URL, Place, follow, parse

REFUSED = {
    "http://canary@crl.example.com/": "user name",
    "http://canary:pass@crl.example.com/": "user name",
    "http://@crl.example.com/": "user name",
    "http://crl.example.com@169.254.169.254/": "user name",
    "http://crl.example.com\\@169.254.169.254/": "no URL may hold",
    "http:\\\\169.254.169.254/": "no URL may hold",
    "http://crl.example.com/\r\nHost: evil.example": "no URL may hold",
    "http://crl.example.com/\n": "no URL may hold",
    "\thttp://crl.example.com/": "no URL may hold",
    "ht\ntp://crl.example.com/": "no URL may hold",
    "http://crl.exam\tple.com/": "no URL may hold",
    "http://crl.example.com/a b": "no URL may hold",
    "http://crl.example.com/\x00": "no URL may hold",
    "http://crl.example.com/\x7f": "no URL may hold",
    "http://crl.exämple.com/": "no URL may hold",
    "http://①②⑦.⓪.⓪.①/": "no URL may hold",
    "http://crl。example.com/": "no URL may hold",
    "http://crl.example.com/" + "a" * MAX_URL: "longer than",
    "": "is empty",
    "//crl.example.com/": "neither http nor https",
    "crl.example.com/a.crl": "neither http nor https",
    "file:///etc/passwd": "neither http nor https",
    "ldap://crl.example.com/cn=x?certificateRevocationList": "neither http nor https",
    "ftp://crl.example.com/": "neither http nor https",
    "gopher://crl.example.com/": "neither http nor https",
    "data:,canary": "neither http nor https",
    "httpx://crl.example.com/": "neither http nor https",
    "http:crl.example.com": "no full DNS name",
    "http:///a.crl": "no full DNS name",
    "http://:80/": "no full DNS name",
    "http://localhost/": "no full DNS name",
    "http://localhost./": "no full DNS name",
    "http://metadata/": "no full DNS name",
    "http://./": "no full DNS name",
    "http://crl.example.com../": "no full DNS name",
    "http://.crl.example.com/": "no full DNS name",
    "http://crl..example.com/": "no full DNS name",
    "http://-crl.example.com/": "no full DNS name",
    "http://crl.example.com%2eevil.example/": "no full DNS name",
    "http://%31%32%37.0.0.1.example/": "no full DNS name",
    "http://crl.example.com,evil.example/": "no full DNS name",
    "http://" + "a" * 64 + ".example.com/": "no full DNS name",
    "http://" + "abc." * 64 + "com/": "no full DNS name",
    "http://2130706433/": "four decimal numbers",
    "http://0x7f000001/": "four decimal numbers",
    "http://017700000001/": "four decimal numbers",
    "http://0x7f.1/": "four decimal numbers",
    "http://127.1/": "four decimal numbers",
    "http://127.0.1/": "four decimal numbers",
    "http://0177.0.0.1/": "four decimal numbers",
    "http://127.0.0.01/": "four decimal numbers",
    "http://0x7f.0x0.0x0.0x1/": "four decimal numbers",
    "http://127.0.0.0X1/": "four decimal numbers",
    "http://127.0.0.1.0x/": "four decimal numbers",
    "http://256.1.1.1/": "four decimal numbers",
    "http://1.2.3.4.5/": "four decimal numbers",
    "http://crl.example.123/": "four decimal numbers",
    "http://[::1/": "malformed",
    "http://::1]/": "malformed",
    "http://[crl.example.com]/": "malformed",
    "http://[v1.canary]/": "IPv6 address that is none",
    "http://[fe80::1%25eth0]/": "scope",
    "http://[2606:4700::1111%eth0]/": "scope",
    "http://[::ffff:999.0.0.1]/": "malformed",
    "http://canary.example[2606:4700::1111]/": "other text beside an IPv6 address",
    "http://[2606:4700::1111]canary.example/": "other text beside an IPv6 address",
    "http://canary:80[2606:4700::1111]/": "other text beside an IPv6 address",
    "http://crl.example.com:65536/": "port that is none",
    "http://crl.example.com:-80/": "port that is none",
    "http://crl.example.com:+80/": "port that is none",
    "http://crl.example.com:80:80/": "that is none",
    "http://crl.example.com:canary/": "port that is none",
}


@pytest.mark.parametrize(("url", "words"), REFUSED.items(), ids=[repr(url)[:50] for url in REFUSED])
def test_a_url_of_two_meanings_is_refused(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as raised:
        parse(url)
    assert "canary" not in str(raised.value)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    ("url", "place", "authority"),
    [
        ("http://crl.example.com/a.crl", ("http", "crl.example.com", 80, "/a.crl"), "crl.example.com"),
        ("HTTPS://CRL.Example.COM", ("https", "crl.example.com", 443, "/"), "crl.example.com"),
        ("http://crl.example.com./a", ("http", "crl.example.com", 80, "/a"), "crl.example.com"),
        ("http://crl.example.com:/a", ("http", "crl.example.com", 80, "/a"), "crl.example.com"),
        ("http://crl.example.com:080/a", ("http", "crl.example.com", 80, "/a"), "crl.example.com"),
        ("http://crl.example.com:443/a", ("http", "crl.example.com", 443, "/a"), "crl.example.com:443"),
        ("http://crl.example.com:0/a", ("http", "crl.example.com", 0, "/a"), "crl.example.com:0"),
        (
            "http://my_bucket.s3.example.com/a",
            ("http", "my_bucket.s3.example.com", 80, "/a"),
            "my_bucket.s3.example.com",
        ),
        ("http://xn--exmple-cua.com/", ("http", "xn--exmple-cua.com", 80, "/"), "xn--exmple-cua.com"),
        ("http://1password.com/", ("http", "1password.com", 80, "/"), "1password.com"),
        ("http://crl.example.com/%2e%2e/a;b?c=%0d%0a#d", ("http", "crl.example.com", 80, "/%2e%2e/a;b?c=%0d%0a"), None),
        ("http://crl.example.com?a", ("http", "crl.example.com", 80, "/?a"), None),
        ("http://crl.example.com//evil.example/", ("http", "crl.example.com", 80, "//evil.example/"), None),
        ("http://127.0.0.1/", ("http", "127.0.0.1", 80, "/"), "127.0.0.1"),
        ("http://127.0.0.1./", ("http", "127.0.0.1", 80, "/"), "127.0.0.1"),
        ("http://[::1]:8080/", ("http", "::1", 8080, "/"), "[::1]:8080"),
        ("http://[0:0:0:0:0:FFFF:127.0.0.1]/", ("http", "::ffff:127.0.0.1", 80, "/"), None),
    ],
)
def test_a_plain_url_is_taken_as_it_stands(url: str, place: tuple[str, str, int, str], authority: str | None) -> None:
    assert parse(url) == Place(*place)
    assert authority is None or parse(url).authority == authority


HERE = parse("https://crl.example.com/dir/a.crl?old")


@pytest.mark.parametrize(
    ("location", "target"),
    [
        (b"b.crl", "https://crl.example.com/dir/b.crl"),
        (b"/b.crl?x", "https://crl.example.com/b.crl?x"),
        (b"../../../b", "https://crl.example.com/b"),
        (b"//cdn.example.com/b", "https://cdn.example.com/b"),
        (b"https://cdn.example.com/b#c", "https://cdn.example.com/b"),
        (b"?new", "https://crl.example.com/dir/a.crl?new"),
    ],
)
def test_a_redirect_is_followed_from_where_it_stands(location: bytes, target: str) -> None:
    assert follow(HERE, location) == parse(target)


@pytest.mark.parametrize(
    "location",
    [
        b"",
        b"http://crl.example.com/dir/a.crl",
        b"file:///etc/passwd",
        b"ldap://crl.example.com/",
        b"javascript:alert(1)",
        b"https://user@crl.example.com/",
        b"//user:canary@crl.example.com/",
        b"//2130706433/",
        b"//localhost/",
        b"\\\\crl.example.com/",
        b"https://crl.example.com/ x",
        b"https://crl.ex\xc3\xa4mple.com/",
        b"//[::1",
        b"//crl.example.com:99999/",
        b"/" + b"a" * MAX_URL,
    ],
)
def test_a_redirect_elsewhere_is_refused(location: bytes) -> None:
    with pytest.raises(ValueError, match=r"^(is|holds|names|leaves)") as raised:
        follow(HERE, location)
    assert "canary" not in str(raised.value)


def test_a_redirect_may_lead_from_http_to_https() -> None:
    assert follow(parse("http://crl.example.com/"), b"https://crl.example.com/").scheme == "https"
