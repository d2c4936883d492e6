"""Genesys' faults: answers that the simulator is asked to play, and a handshake under another name.

Bodies echo the client's secret and its token wherever a peer could.
"""

import gzip
from datetime import timedelta
from typing import Any

from tests.faults.rows import SOURCE, Injection, Row, When, another_name, hurried, played

ECHO = "you sent SECRETS"
PAGE = '{"entities": [], "echo": "SECRETS"}'
HOURS = timedelta(hours=2)


def told(name: str, inject: Injection, reason: str, words: str, when: When = When.SECOND_LOOK, **more: Any) -> Row:
    """A row about the source; its summary says the alert's reason."""
    return Row(name, inject, when, SOURCE, reason, words, reason, proxied=False, **more)


GENESYS = (
    told(
        "401 for every token",
        played(status=401, body=ECHO),
        "credentials-refused",
        "refuses the access token",
        When.AT_ONCE,
    ),
    told(
        "401 at the login",
        played("token", status=401, body=ECHO),
        "credentials-refused",
        "refuses the OAuth client 6b1d3c7e-0c1a-4f6b-9c55-5f1f0a3d2e10 (status 401)",
        When.AT_ONCE,
    ),
    told(
        "403",
        played(status=403, body=ECHO),
        "permission-missing",
        "lacks the permission integrations:actionCertificate:view",
        When.AT_ONCE,
    ),
    told("429 with seconds", played(status=429, headers={"Retry-After": "7"}), "throttled", "asking to wait 7 s"),
    told(
        "429 with a date",
        played(status=429, headers={"Retry-After": "Mon, 01 Mar 2027 23:00:00 GMT"}),
        "throttled",
        "asking to wait",
    ),
    told("429 with nonsense", played(status=429, headers={"Retry-After": "SOON"}), "throttled", "status 429."),
    told("500 for hours", played(status=500, body=ECHO), "unavailable", "status 500", looks=4, step=HOURS),
    told(
        "slow drip",
        hurried(played(body=PAGE + " " * 1000, drip={"size": 1, "pause": 0.02}), 0.3),
        "unreachable",
        "did not answer within",
    ),
    told("cut body", played(body=PAGE, cut=5), "unreachable", "cannot be reached"),
    told("length too long", played(body=PAGE, content_length=5000), "unreachable", "cannot be reached"),
    told("length too short", played(body=PAGE, content_length=9), "answer-invalid", "9 bytes that are not the JSON"),
    told(
        "gzip bomb",
        played(body=gzip.compress(bytes(40_000_000)), headers={"Content-Encoding": "gzip"}),
        "answer-too-large",
        "more than 8388608 bytes",
    ),
    told("50 MB body", played(body=" " * 50_000_000), "answer-too-large", "more than 8388608 bytes"),
    told("HTML", played(body=f"<html>{ECHO}</html>"), "answer-invalid", "but a web page"),
    told("wrong charset", played(body='{"entities": []}'.encode("utf-16")), "answer-invalid", "not the JSON expected"),
    told(
        "redirect to another host",
        played(status=302, headers={"Location": "https://elsewhere.example/x"}),
        "redirected",
        "redirects to elsewhere.example",
    ),
    told("certificate of another name", another_name, "tls-failed", "certificate is not valid for '127.0.0.1'"),
)
