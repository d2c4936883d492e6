"""Secrets by ARN over the wire, from SSM and Secrets Manager, and the credentials in them."""

import itertools
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from local.aws.server import EmbeddedAws
from rotation_watcher.adapters.secrets import AwsSecrets, parameter_name
from rotation_watcher.errors import SourceError, SourceReason
from rotation_watcher.sources.credentials import decode_credentials
from tests.support.fakes import InMemorySecrets

NUMBERS = itertools.count()
TEXT = json.dumps({"client_id": "6b1d3c7e", "client_secret": "canary-secret"})
SSM = "arn:aws:ssm:us-east-1:123456789012:parameter"
ELSEWHERE = "arn:aws:secretsmanager:us-east-1:123456789012:secret:genesys/oauth-AbCdEf"

type Store = Callable[[str], str]


@pytest.fixture
def secrets(aws: EmbeddedAws) -> AwsSecrets:
    """An adapter of its own, since each keeps what it has read; ``aws`` gives the environment that it needs."""
    del aws
    return AwsSecrets()


@pytest.fixture(params=["below a path", "at the root", "without a slash", "secretsmanager"])
def store(request: pytest.FixtureRequest, aws: EmbeddedAws) -> Store:
    """Store a text as a secret of one kind, and give its ARN."""
    number = next(NUMBERS)
    names = {"below a path": f"/genesys/{number}/oauth", "at the root": f"/oauth-{number}"}
    name = names.get(request.param, f"oauth-{number}")

    def parameter(text: str) -> str:
        ssm = aws.client("ssm")
        ssm.put_parameter(Name=name, Type="SecureString", Value=text, Overwrite=True)
        return str(ssm.get_parameter(Name=name)["Parameter"]["ARN"])

    def secret(text: str) -> str:
        return str(aws.client("secretsmanager").create_secret(Name=name, SecretString=text)["ARN"])

    return secret if request.param == "secretsmanager" else parameter


def reads(aws: EmbeddedAws) -> int:
    return sum(call.operation in {"GetParameter", "GetSecretValue"} for call in aws.calls)


def operation(arn: str) -> tuple[str, str]:
    return ("ssm", "GetParameter") if ":ssm:" in arn else ("secretsmanager", "GetSecretValue")


def refused(secrets: AwsSecrets, arn: str) -> str:
    with pytest.raises(SourceError) as caught:
        secrets.get(arn)
    assert caught.value.reason is SourceReason.CREDENTIALS_MISSING
    assert arn in str(caught.value)
    return str(caught.value)


def test_a_secret_comes_back_as_its_text_decrypted(store: Store, secrets: AwsSecrets) -> None:
    assert secrets.get(store(TEXT)) == TEXT
    assert decode_credentials(TEXT, "arn").client_secret == "canary-secret"


def test_the_fake_keeps_to_what_holds_for_each_kind() -> None:
    fake = InMemorySecrets()
    fake.held[ELSEWHERE] = TEXT
    assert fake.get(ELSEWHERE) == TEXT
    with pytest.raises(SourceError) as caught:
        fake.get(f"{SSM}/gone")
    assert caught.value.reason is SourceReason.CREDENTIALS_MISSING
    assert f"{SSM}/gone" in str(caught.value)


def test_a_secret_is_read_once_in_five_minutes(aws: EmbeddedAws, store: Store, secrets: AwsSecrets) -> None:
    arn = store(TEXT)
    before = reads(aws)
    assert [secrets.get(arn) for _ in range(3)] == [TEXT] * 3
    assert reads(aws) == before + 1


def test_two_secrets_are_never_taken_for_one_another(aws: EmbeddedAws, secrets: AwsSecrets) -> None:
    ssm = aws.client("ssm")
    for name in ("/twins/oauth", "/twins-oauth", "twins.oauth"):
        ssm.put_parameter(Name=name, Type="SecureString", Value=f"of {name}")
        arn = ssm.get_parameter(Name=name)["Parameter"]["ARN"]
        assert secrets.get(arn) == f"of {name}"


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        (f"{SSM}/genesys/oauth", "/genesys/oauth"),
        (f"{SSM}/a/b/c", "/a/b/c"),
        (f"{SSM}/oauth", f"{SSM}/oauth"),
        ("arn:aws-cn:ssm:cn-north-1:123456789012:parameter/x/parameter/y", "/x/parameter/y"),
        (f"{SSM}/a:parameter/b", "/a:parameter/b"),
    ],
)
def test_a_parameter_is_named_by_what_follows_in_its_arn(arn: str, name: str) -> None:
    assert parameter_name(arn) == name


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("arn", [f"{SSM}/gone/away", f"{SSM}/gone", ELSEWHERE])
def test_a_secret_that_is_not_there_is_reported_with_what_to_check(arn: str, secrets: AwsSecrets) -> None:
    words = refused(secrets, arn)
    assert "NotFound" in words
    assert "Check that it exists" in words
    assert ".." not in words


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("AccessDeniedException", "User is not authorized to perform this"),
        ("AccessDeniedException", "The ciphertext refers to a KMS key that you may not use"),
        ("InvalidKeyId", "The key is disabled"),
    ],
)
def test_what_the_service_says_is_reported_and_the_next_read_is_a_new_one(
    aws: EmbeddedAws, store: Store, secrets: AwsSecrets, code: str, message: str
) -> None:
    arn = store(TEXT)
    aws.fail_next(*operation(arn), code, message=message)
    words = refused(secrets, arn)
    assert code in words
    assert message in words
    assert secrets.get(arn) == TEXT


def test_throttling_that_does_not_end_is_reported_after_the_tries_of_the_sdk(
    aws: EmbeddedAws, secrets: AwsSecrets
) -> None:
    aws.fail_next("secretsmanager", "GetSecretValue", "ThrottlingException", times=3)
    assert "ThrottlingException" in refused(secrets, ELSEWHERE)
    assert aws.faults.pending() == 0


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("arn", [f"{SSM}/genesys/oauth", ELSEWHERE])
def test_a_service_that_cannot_be_reached_is_reported_as_a_failure_that_may_pass(
    monkeypatch: pytest.MonkeyPatch, arn: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(SourceError, match="Could not connect") as caught:
        AwsSecrets().get(arn)
    assert caught.value.reason is SourceReason.UNREACHABLE, "the secret may be there: nobody has to mend anything yet"


def test_a_secret_of_bytes_is_read_as_text_where_it_is_text(aws: EmbeddedAws, secrets: AwsSecrets) -> None:
    client = aws.client("secretsmanager")
    text, noise = (
        client.create_secret(Name=f"bytes-{next(NUMBERS)}", SecretBinary=content)["ARN"]
        for content in (TEXT.encode(), b"canary\xff\xfe")
    )
    assert secrets.get(text) == TEXT
    words = refused(secrets, noise)
    assert "no text" in words
    assert "canary" not in words


def test_reading_a_secret_puts_it_into_no_log(
    store: Store, secrets: AwsSecrets, caplog: pytest.LogCaptureFixture
) -> None:
    arn = store(TEXT)
    caplog.set_level(logging.DEBUG)
    secrets.get(arn)
    assert "canary" not in caplog.text + repr(vars(secrets))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "canary-secret",
        "[]",
        "null",
        '"canary-secret"',
        '{"client_id": "canary"}',
        '{"client_secret": "canary"}',
        '{"client_id": "", "client_secret": "canary"}',
        '{"client_id": "canary", "client_secret": ""}',
        '{"client_id": "canary", "client_secret": null}',
        '{"client_id": 7, "client_secret": "canary"}',
        '{"client_id": "canary", "client_secret": "canary\\n"}',
        '{"client_id": " canary", "client_secret": "canary"}',
        '{"client_id": "canary", "client_secret": "canary"',
        '{"client_id": "canary", "client_secret": "canary"} canary',
        "{'client_id': 'canary', 'client_secret': 'canary'}",
        "[" * 100_000,
        "\ud800canary",
    ],
)
def test_what_holds_no_client_is_refused_by_its_arn_and_never_shown(text: str) -> None:
    with pytest.raises(SourceError) as caught:
        decode_credentials(text, ELSEWHERE)
    assert caught.value.reason is SourceReason.CREDENTIALS_MISSING
    assert ELSEWHERE in str(caught.value)
    assert "canary" not in str(caught.value)


def test_a_mark_that_an_editor_put_before_the_client_is_passed_over() -> None:
    assert decode_credentials(f"\ufeff{TEXT}", "arn").client_secret == "canary-secret"


def test_a_client_may_have_more_fields_beside_it() -> None:
    stored: dict[str, Any] = json.loads(TEXT) | {"note": "made by ops", "rotated": 3}
    credentials = decode_credentials(json.dumps(stored), "arn")
    assert (credentials.client_id, credentials.client_secret) == ("6b1d3c7e", "canary-secret")
    assert "canary" not in repr(credentials)
