"""The way a deployed bundle comes back: by a pre-signed URL, which is a secret."""

import gzip
import logging
import traceback
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from botocore.stub import Stubber

from local.aws.server import EmbeddedAws
from rotation_watcher.adapters import clients
from rotation_watcher.adapters.trust_store import MAX_BUNDLE, AlbTrustStores
from rotation_watcher.errors import TargetError
from tests.support.contract_targets import ContractTarget

SECRETS = ("X-Amz-Signature", "X-Amz-Credential")


def through(
    target: ContractTarget, aws: EmbeddedAws, handler: Callable[[httpx.Request], httpx.Response]
) -> ContractTarget:
    """The target with another transport under its downloads."""
    adapter = AlbTrustStores(aws.client("elbv2"), httpx.Client(transport=httpx.MockTransport(handler)))
    return ContractTarget(adapter, target.arn, target.bucket, target.clock, target.put, target.open, target.shut)


def everything_told(error: BaseException) -> str:
    """The error as a logger would write it, and whatever hangs on it."""
    linked, texts = error, [*traceback.format_exception(error)]
    while linked.__context__ is not None:
        linked = linked.__context__
        texts += [repr(linked), str(linked)]
    return "".join(texts)


def failing(times: int) -> tuple[Callable[[httpx.Request], httpx.Response], list[str]]:
    """A way to the embedded AWS that loses the first answers; the URLs that were asked for."""
    asked: list[str] = []
    real = httpx.HTTPTransport()

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        if len(asked) <= times:
            raise httpx.ReadTimeout(f"no answer from {request.url}", request=request)
        answer = real.handle_request(request)
        return httpx.Response(answer.status_code, content=answer.read())

    return handler, asked


def test_a_download_that_fails_is_asked_for_again_by_a_new_url(
    target: ContractTarget, aws: EmbeddedAws, initial: bytes
) -> None:
    handler, asked = failing(2)

    assert through(target, aws, handler).read().bundle == initial
    assert len({*asked}) == 3


def test_a_download_that_keeps_failing_is_an_error_without_the_url(
    target: ContractTarget, aws: EmbeddedAws, caplog: pytest.LogCaptureFixture
) -> None:
    handler, asked = failing(99)
    with caplog.at_level(logging.DEBUG), pytest.raises(TargetError, match="failed 3 times: ReadTimeout") as caught:
        through(target, aws, handler).read()

    assert target.arn in str(caught.value)
    assert len(asked) == 3
    assert "X-Amz-Signature" in asked[0]
    told = everything_told(caught.value) + caplog.text
    assert not [secret for secret in SECRETS if secret in told]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (lambda: httpx.Response(403, text="<Code>AccessDenied</Code>"), "HTTP status 403"),
        (lambda: httpx.Response(503), "HTTP status 503"),
        (lambda: httpx.Response(302, headers={"Location": "https://example.com/?X-Amz-Signature=x"}), "status 302"),
        (lambda: httpx.Response(200, content=b"x" * (MAX_BUNDLE + 1)), "larger than 5000000"),
        (lambda: httpx.Response(200, headers={"Content-Encoding": "gzip"}, content=b"no gzip"), "DecodingError"),
        (
            lambda: httpx.Response(
                200, headers={"Content-Encoding": "gzip"}, content=gzip.compress(bytes(MAX_BUNDLE * 2))
            ),
            "larger than 5000000",
        ),
    ],
    ids=["refused", "unavailable", "redirected", "too large", "broken", "bomb"],
)
def test_whatever_is_wrong_with_a_download_is_reported_in_a_few_words(
    answer: Callable[[], httpx.Response], problem: str, target: ContractTarget, aws: EmbeddedAws
) -> None:
    with pytest.raises(TargetError, match=problem) as caught:
        through(target, aws, lambda _request: answer()).read()

    assert not [secret for secret in SECRETS if secret in everything_told(caught.value)]


def test_an_empty_download_is_not_taken_for_an_empty_store(target: ContractTarget, aws: EmbeddedAws) -> None:
    with pytest.raises(TargetError, match="without a certificate"):
        through(target, aws, lambda _request: httpx.Response(200, content=b"")).read()


def test_the_url_is_in_no_log_at_any_level(
    target: ContractTarget, aws: EmbeddedAws, http: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[str] = []
    client = clients.make("elbv2")
    client.meta.events.register(
        "after-call.elastic-load-balancing-v2.GetTrustStoreCaCertificatesBundle",
        lambda parsed, **_: seen.append(parsed["Location"]),
    )
    with caplog.at_level(logging.DEBUG):
        live = AlbTrustStores(client, http).read(target.arn)

    assert "X-Amz-Signature" in seen[0]
    assert not [secret for secret in SECRETS if secret in caplog.text + repr(live)]
    assert aws.calls.of("s3", "GetObject")


def described(arn: str, location: str, status: str = "ACTIVE") -> AlbTrustStores:
    """An adapter whose elbv2 answers a read of one store with these, and has no listeners."""
    client: Any = clients.make("elbv2")
    stub = Stubber(client)
    stub.add_response("describe_trust_stores", {"TrustStores": [{"TrustStoreArn": arn, "Status": status}]})
    stub.add_response("get_trust_store_ca_certificates_bundle", {"Location": location})
    stub.add_response("describe_trust_store_associations", {"TrustStoreAssociations": []})
    stub.activate()
    answer = httpx.MockTransport(lambda _request: httpx.Response(200, content=b""))
    return AlbTrustStores(client, httpx.Client(transport=answer))


@pytest.mark.parametrize("location", ["http://example.com/x?X-Amz-Signature=1", "ftp://127.0.0.2/x", "//x", ""])
def test_only_https_leaves_this_machine(location: str, target: ContractTarget) -> None:
    with pytest.raises(TargetError, match="not https") as caught:
        described(target.arn, location).read(target.arn)

    assert "X-Amz-Signature" not in everything_told(caught.value)


@pytest.mark.parametrize(("status", "settled"), [("ACTIVE", True), ("CREATING", False)])
def test_a_store_that_is_still_being_created_has_not_settled(
    status: str, *, settled: bool, target: ContractTarget
) -> None:
    live = described(target.arn, "https://example.com/x", status).read(target.arn)

    assert live.settled is settled
    assert live.state == ("" if settled else status)
