"""What a server makes of a caller that dies while it speaks."""

import socket
from datetime import UTC, datetime

import pytest

from local.aws.server import EmbeddedAws

HALF = (
    b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Amz-Target: AmazonSSM.GetParameter\r\n"
    b"Content-Type: application/x-amz-json-1.1\r\nContent-Length: 20\r\n"
    b"Authorization: AWS4-HMAC-SHA256 Credential=A/20260302/us-east-1/ssm/aws4_request, SignedHeaders=host, Signature=0"
    b"\r\n\r\n{}"
)


def test_a_call_whose_caller_dies_in_the_middle_of_it_is_not_done(capfd: pytest.CaptureFixture[str]) -> None:
    with EmbeddedAws(lambda: datetime(2026, 3, 2, tzinfo=UTC)) as aws:
        with socket.create_connection(("127.0.0.1", int(aws.url.rpartition(":")[2]))) as caller:
            caller.sendall(HALF)
            caller.shutdown(socket.SHUT_WR)
            assert caller.recv(1000) == b""  # closed, without an answer
        assert list(aws.calls) == []
    assert capfd.readouterr().err == ""
