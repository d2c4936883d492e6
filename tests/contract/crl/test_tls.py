"""Over TLS: the name is what is verified and asked for, though the connection goes to an address."""

import time
from collections.abc import Iterator

import pytest

from local.patience import seconds
from rotation_watcher.adapters.crl_http import HttpDistributionPoints
from rotation_watcher.errors import FetchCode
from rotation_watcher.ports import Fetched, Validators
from tests.support.crl_server import CRL, HOST, Network, answer, fails, is_127_0_0_1, network


@pytest.fixture
def misnamed() -> Iterator[Network]:
    """A server whose certificate bears another name."""
    with network(tls=True, name="other.example.test") as running:
        yield running


@pytest.mark.parametrize("host", [HOST, f"{HOST}.", HOST.upper()])
def test_the_name_goes_into_tls_and_into_the_host_header(secured: Network, host: str) -> None:
    secured.server.answers["/a.crl"] = answer(body=CRL)
    assert secured.points().fetch(secured.url(host=host)) == Fetched(CRL, Validators())
    assert secured.server.names == [HOST]
    assert f"\r\nHost: {HOST}:{secured.server.port}\r\n" in secured.server.heads[0]


def test_a_certificate_of_another_name_is_refused(misnamed: Network) -> None:
    error = fails(misnamed.points(), misnamed.url("/canary"))
    assert (error.code, "Hostname mismatch" in str(error)) == (FetchCode.TLS_FAILED, True)
    assert misnamed.server.heads == []


def test_a_certificate_of_an_unknown_authority_is_refused_by_default(secured: Network) -> None:
    points = HttpDistributionPoints(allowed=is_127_0_0_1, ports=secured.ports, lookup=secured.lookup)
    error = fails(points, secured.url())
    assert (error.code, "unable to get local issuer certificate" in str(error)) == (FetchCode.TLS_FAILED, True)


def test_an_address_that_the_certificate_does_not_bear_is_refused(secured: Network) -> None:
    assert fails(secured.points(), secured.url(host="127.0.0.1")).code is FetchCode.TLS_FAILED


def test_a_server_that_never_answers_the_handshake_is_cut_by_the_budget(plain: Network, secured: Network) -> None:
    began = time.monotonic()
    error = fails(secured.points(ports=plain.ports, budget=0.2), plain.url().replace("http:", "https:"))
    assert (error.code, time.monotonic() - began < seconds(2)) == (FetchCode.TIMED_OUT, True)


def test_a_redirect_from_https_to_http_is_refused(plain: Network, secured: Network) -> None:
    secured.server.answers["/a.crl"] = answer(302, Location=plain.url())
    ports = plain.ports | secured.ports
    assert fails(secured.points(ports=ports), secured.url()).code is FetchCode.REDIRECT_REFUSED
    assert plain.server.connections == 0


def test_a_redirect_from_http_to_https_is_followed(plain: Network, secured: Network) -> None:
    plain.server.answers["/a.crl"] = answer(302, Location=secured.url())
    secured.server.answers["/a.crl"] = answer(body=CRL)
    assert secured.points(ports=plain.ports | secured.ports).fetch(plain.url()) == Fetched(CRL, Validators())
