"""Files that people name: what cannot be read as text is named, with the way out, and its content is not repeated."""

from pathlib import Path

import pytest

from genesys_certs import app, exits

SECRET = "canary-of-the-client"
READ = ("check", "--genesys-region", "us-east-1", "--client-id", "someone", "--api-url", "https://localhost:1")


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert app.main(arguments) == exits.Exit.UNKNOWN
    shown = "".join(capsys.readouterr())
    assert SECRET not in shown
    return shown


@pytest.mark.parametrize("content", [SECRET.encode("utf-16"), b"\xff" + SECRET.encode()], ids=["UTF-16", "bytes"])
def test_a_secret_of_another_encoding_is_named_with_its_file(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As PowerShell writes it."""
    file = tmp_path / "secret.txt"
    file.write_bytes(content)
    shown = told(capsys, *READ, "--client-secret-file", str(file))
    assert f"{file}: not UTF-8" in shown
    assert "itself failed" not in shown


@pytest.mark.parametrize("content", ["", "\n", "\ufeff\n"], ids=repr)
def test_an_empty_file_of_a_secret_is_said_to_be_empty(
    content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "secret.txt"
    file.write_text(content)
    shown = told(capsys, *READ, "--client-secret-file", str(file))
    assert f"{file} is empty" in shown
    assert "arn:" not in shown


@pytest.mark.parametrize("option", ["--root", "--digicert-roots"])
@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is empty"),
        (b"PK\x03\x04" + SECRET.encode(), "without a CERTIFICATE block"),
        (f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----\n".encode(), "PRIVATE KEY"),
        (b"-----BEGIN CERTIFICATE-----\nMIIB", "no END marker"),
    ],
    ids=["empty", "zip", "key", "cut"],
)
def test_a_file_of_roots_without_a_certificate_is_named_and_is_no_missing_root(
    option: str,
    content: bytes,
    why: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As the zip itself, or another file of it."""
    monkeypatch.setenv("GENESYS_CLIENT_SECRET", SECRET)
    file = tmp_path / "root.pem"
    file.write_bytes(content)
    shown = told(capsys, *READ, option, str(file))
    assert f"{file}: there is no certificate in it" in shown
    assert why in shown
