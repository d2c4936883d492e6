"""What who fetches CRLs may rely on, of the adapter and of the fake alike."""

import pytest

from rotation_watcher.errors import FetchCode
from rotation_watcher.ports import Fetched, NotModified, Validators
from tests.contract.crl.conftest import LIMIT, Host
from tests.support.crl_server import CRL, fails

DATE = "Thu, 26 Nov 2026 07:00:00 GMT"
LATER = "Thu, 26 Nov 2026 08:00:00 GMT"


def test_a_file_comes_byte_for_byte_with_its_validators(host: Host) -> None:
    body = bytes(range(256))
    url = host.publish("/a.crl", body, etag='"one"', last_modified=DATE)
    assert host.points.fetch(url) == Fetched(body, Validators('"one"', DATE))


def test_a_file_without_validators_comes_without(host: Host) -> None:
    assert host.points.fetch(host.publish("/a.crl", CRL)) == Fetched(CRL, Validators())


@pytest.mark.parametrize("etag", ['"one"', 'W/"one"', None])
@pytest.mark.parametrize("date", [DATE, None])
def test_an_unchanged_file_is_not_sent_again(host: Host, etag: str | None, date: str | None) -> None:
    url = host.publish("/a.crl", CRL, etag=etag, last_modified=date)
    first = host.points.fetch(url)
    assert isinstance(first, Fetched)
    unchanged = etag is not None or date is not None
    assert host.points.fetch(url, known=first.validators) == (NotModified() if unchanged else first)
    assert host.points.fetch(url) == first


@pytest.mark.parametrize(("etag", "date"), [('"two"', DATE), ('"two"', None), (None, LATER)])
def test_a_changed_file_is_sent(host: Host, etag: str | None, date: str | None) -> None:
    known = Validators('"one"' if etag else None, DATE)
    url = host.publish("/a.crl", b"new", etag=etag, last_modified=date)
    assert host.points.fetch(url, known=known) == Fetched(b"new", Validators(etag, date))


@pytest.mark.parametrize("etag", ["one", "*", '"one', '"o"ne"', f'"{"o" * 300}"', '"\x9b31m"', '"o", "p"', "", 'w/"o"'])
def test_an_etag_of_another_form_is_neither_taken_nor_sent(host: Host, etag: str) -> None:
    url = host.publish("/a.crl", CRL, etag=etag)
    assert host.points.fetch(url) == Fetched(CRL, Validators())
    assert host.points.fetch(url, known=Validators(etag)) == Fetched(CRL, Validators())


@pytest.mark.parametrize("date", ["yesterday", DATE + DATE, "0", "Thursday, 26-Nov-26 07:00:00 GMT"])
def test_a_date_of_another_form_is_neither_taken_nor_sent(host: Host, date: str) -> None:
    url = host.publish("/a.crl", CRL, last_modified=date)
    assert host.points.fetch(url) == Fetched(CRL, Validators())
    assert host.points.fetch(url, known=Validators(None, date)) == Fetched(CRL, Validators())


@pytest.mark.parametrize("etag", ['"one"\r\nHost: evil.example', '"one"\n', "\x00"])
def test_a_validator_with_a_line_break_is_not_sent(host: Host, etag: str) -> None:
    assert host.points.fetch(host.publish("/a.crl", CRL), known=Validators(etag, etag)) == Fetched(CRL, Validators())


def test_a_file_that_is_not_there_is_told_with_its_status(host: Host) -> None:
    error = fails(host.points, host.url("/none.crl?token=canary"))
    assert (error.code, error.status) == (FetchCode.STATUS_UNEXPECTED, 404)


@pytest.mark.parametrize("status", [204, 206, 300, 400, 401, 403, 407, 429, 500, 503, 599])
def test_every_other_status_than_200_is_an_error(host: Host, status: int) -> None:
    error = fails(host.points, host.refuse("/a.crl", status))
    assert (error.code, error.status) == (FetchCode.STATUS_UNEXPECTED, status)


def test_a_file_of_the_most_bytes_is_taken_and_one_of_a_byte_more_is_not(host: Host) -> None:
    assert host.points.fetch(host.publish("/a.crl", bytes(LIMIT))) == Fetched(bytes(LIMIT), Validators())
    assert fails(host.points, host.publish("/a.crl", bytes(LIMIT + 1))).code is FetchCode.ANSWER_TOO_LARGE


@pytest.mark.parametrize(
    "url",
    [
        "ldap://crl.example.test/cn=canary",
        "file:///etc/canary",
        "http://canary:secret@crl.example.test/",
        "http://crl.example.test:22/canary",
        "http://localhost/canary",
        "canary",
        "",
    ],
)
def test_a_url_that_may_not_be_asked_is_refused(host: Host, url: str) -> None:
    assert fails(host.points, url).code is FetchCode.URL_REFUSED


def test_a_name_that_does_not_exist_is_told(host: Host) -> None:
    error = fails(host.points, host.url("/a.crl").replace("crl.", "none."))
    assert (error.code, "none.example.test" in str(error)) == (FetchCode.UNRESOLVABLE, True)
