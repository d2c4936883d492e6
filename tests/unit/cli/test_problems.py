"""Whatever goes wrong is a code, a sentence and a remedy; no secret, no signed URL, and no text of a defect."""

from typing import Any

import pytest
from botocore import exceptions as sdk
from botocore.exceptions import ClientError

from genesys_certs import app
from genesys_certs.problems import Problem, explain
from rotation_watcher.errors import ConfigurationError, NewerFormat, SourceError, SourceReason, StoreError

SIGNED = "https://bucket.s3.amazonaws.com/key?X-Amz-Signature=canary-1&X-Amz-Security-Token=canary-2"


def answer(code: str, operation: str = "GetObject") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, operation)


def stored(cause: BaseException) -> StoreError:
    error = StoreError("s3://b/k cannot be read")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "code", "remedy"),
    [
        (sdk.NoRegionError(), "no-region", "--region"),
        (sdk.ProfileNotFound(profile="x"), "unknown-profile", "list-profiles"),
        (sdk.NoCredentialsError(), "no-credentials", "aws sso login --profile bank"),
        (sdk.PartialCredentialsError(provider="env", cred_var="x"), "no-credentials", "aws sso login"),
        (sdk.UnauthorizedSSOTokenError(), "login-expired", "aws sso login --profile bank"),
        (sdk.SSOTokenLoadError(error_msg="gone"), "login-expired", "aws sso login"),
        (sdk.TokenRetrievalError(provider="sso", error_msg="expired"), "login-expired", "aws sso login"),
        (answer("ExpiredToken"), "login-expired", "aws sso login"),
        (answer("InvalidClientTokenId"), "no-credentials", "aws configure"),
        (answer("AccessDenied"), "access-denied", "s3:GetObject"),
        (answer("AccessDeniedException", "Invoke"), "access-denied", "lambda:InvokeFunction"),
        (answer("SomethingElse"), "aws", ""),
        (sdk.EndpointConnectionError(endpoint_url="https://x"), "unreachable", "network"),
        (sdk.ConnectTimeoutError(endpoint_url="https://x"), "unreachable", "network"),
        (sdk.ReadTimeoutError(endpoint_url="https://x"), "unreachable", "network"),
        (stored(answer("AccessDenied")), "access-denied", "s3:GetObject"),
        (stored(answer("SlowDown")), "aws", ""),
        (StoreError("no"), "store", ""),
        (NewerFormat("newer"), "newer-format", "newest release"),
        (ConfigurationError(["a: b", "c: d"]), "configuration", ""),
        (
            SourceError(SourceReason.PERMISSION_MISSING, "no"),
            "permission-missing",
            "integrations:actionCertificate:view",
        ),
        (FileNotFoundError(2, "No such file", "/x"), "not-found", ""),
        (KeyError("canary"), "internal-error", "open an issue"),
    ],
    ids=lambda one: type(one).__name__ if isinstance(one, Exception) else None,
)
def test_each_error_has_a_code_and_a_remedy(error: Exception, code: str, remedy: str) -> None:
    found = explain(error, profile="bank")
    assert found.code == code
    assert remedy in found.remedy
    assert found.message
    assert found.document() == {"error": {"code": code, "message": found.message, "remedy": found.remedy}}


def test_a_defect_tells_its_place_and_none_of_its_text() -> None:
    with pytest.raises(ValueError, match="canary-3") as caught:
        int("canary-3")
    found = explain(caught.value)
    assert "ValueError" in found.message
    assert "canary" not in found.message + found.remedy


def test_no_signed_url_is_ever_shown() -> None:
    for error in (sdk.EndpointConnectionError(endpoint_url=SIGNED), OSError(5, SIGNED), StoreError(SIGNED)):
        assert "canary" not in explain(error).message


@pytest.mark.parametrize(("name", "code"), [("check", 3), ("status", 3), ("doctor", 3), ("plan", 1), ("init", 1)])
def test_what_judges_says_unknown_and_what_acts_says_failed(
    name: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    assert app.main([name]) == code
    said = capsys.readouterr()
    assert (said.out, said.err.splitlines()[0]) == ("", "No AWS region is known.")


def test_an_interrupt_is_130_and_a_defect_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(error: BaseException) -> Any:
        def find(*_: object) -> None:
            raise error

        return find

    monkeypatch.setattr("genesys_certs.options.find", fail(KeyboardInterrupt()))
    assert app.main(["status"]) == 130
    monkeypatch.setattr("genesys_certs.options.find", fail(RuntimeError("canary-4")))
    assert app.main(["status"]) == 3
    said = capsys.readouterr()
    assert "itself failed: RuntimeError" in said.err
    assert "canary-4" not in said.err
    assert "Traceback" not in said.err


def test_a_message_of_a_stranger_steers_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    app.tell(Problem("x", "one\x1b[2J\ntwo\x9b31m", "three\x07"), as_json=False)
    assert capsys.readouterr().err == "one?[2J\ntwo?31m\nthree?\n"


def test_an_address_of_aws_that_is_none_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "canary")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "localhost:4566")
    assert app.main(["status", "--region", "us-east-1"]) == app.COMMANDS["status"].failed
    shown = capsys.readouterr().err
    assert "localhost:4566" in shown
    assert "AWS_ENDPOINT_URL" in shown
    assert "itself failed" not in shown
