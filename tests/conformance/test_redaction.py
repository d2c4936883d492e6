"""What a service says is redacted before it is kept; these tests attack that."""

from itertools import product
from urllib.parse import quote

import pytest

from genesys_certs import __version__
from genesys_certs.conformance.model import Answer, Outcome, Record
from genesys_certs.conformance.records import sealed, without_leaks
from genesys_certs.conformance.redaction import LONGEST, Redactor
from genesys_certs.conformance.workshop import Options
from genesys_certs.problems import Problem

KNOWN = ["123456789012", "mtls.clinic-example.org", "AROAEXAMPLEID:jane.doe", "jane.doe", "Night-Shift"]
ACCOUNT = "210987654321"
PERSONAL = {
    "an account's id": ACCOUNT,
    "an account's id in groups": "2109-8765-4321",
    "an ARN": f"arn:aws:elasticloadbalancing:eu-west-1:{ACCOUNT}:truststore/payments/73e2d6bc24d8a067",
    "an ARN of another partition": f"arn:aws-us-gov:iam::{ACCOUNT}:role/OurAdmins",
    "a role that was taken on": f"arn:aws:sts::{ACCOUNT}:assumed-role/OurAdmins/somebody@clinic.example",
    "a bucket": "s3://clinic-payments-truststore/prod/bundle.pem",
    "a pre-signed URL": "https://b.s3.amazonaws.com/k?X-Amz-Credential=ASIA0000&X-Amz-Signature=fe5f80f77d5fa3be",
    "a signature alone": "X-Amz-Signature=fe5f80f77d5fa3beca038a248ff027d0",
    "a request's id": "7a62c49f-347e-4fc4-9331-6e8e51a2f0bd",
    "a host": "d-abc123xyz9.execute-api.eu-west-1.amazonaws.com",
    "a bare host": "payments.clinic.example",
    "a wildcard": "*.clinic.example",
    "a mail address": "somebody@clinic.example",
    "an address": "10.27.3.4",
    "an IPv6 address": "2001:db8:85a3::8a2e:370:7334",
    "a KMS key": f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "a KMS key's id": "key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "a multi-Region key": "mrk-1234abcd12ab34cd56ef1234567890ab",
    "a session": "assumed-role/OurAdmins/conformance",
    "a server in a network": "10.27.3.4:8080",
    "an access key": "AKIAIOSFODNN7EXAMPLE",
    "a trust store": "ts_0af3c91b77e2d4",
    "a distribution": "E2QWRUHAPOMQZL7",
    "an ETag": "E1XFFGGTUMGWB9",
    "a subnet": "subnet-0b7e4f5f2a61c9d10",
    "a version": "null.3sL4kqtJlcpXroDTDmJrmSpXd3dIbrHY",
    "a request's extended id": "eftixk72aD6Ap51TnqcoF8eFidJG9Z/2mkiDFu8yU9AS1ed4OpIszj7UDNEHGran",
    "what was known, otherwise written": "MTLS.Clinic-Example.ORG",
    "what was known, encoded": quote("AROAEXAMPLEID:jane.doe", safe=""),
    "what was known, within a word": "prefixNight-Shiftsuffix",
    "what was known, split by nothing": "user=jane.doe;",
}
AROUND = ("{}", "The trust store '{}' is in use.", 'resource: "{}"', "({})", "<Name>{}</Name>", "a\r\n{}\tb", "x={},y")
CANARIES = (
    *(
        "2109",
        "payments",
        "73e2d6bc",
        "ouradmins",
        "somebody",
        "clinic",
        "signature=",
        "asia0000",
        "fe5f80f7",
        "7a62c49f",
    ),
    *("abc123", "10.27", "db8", "akiaiosf", "0af3c91b", "e2qwru", "e1xffg", "0b7e4f5f", "3sl4kq", "eftixk", "jane"),
    *("night-shift", "aroaexample", "mydb", "1234abcd", "34cd", "1234567890ab"),
)


@pytest.mark.parametrize(("what", "around"), [*product(PERSONAL, AROUND)])
def test_nothing_personal_is_left_whatever_stands_around_it(what: str, around: str) -> None:
    redact = Redactor(KNOWN)
    said = redact(around.format(PERSONAL[what]))
    assert [one for one in CANARIES if one in said.lower()] == [], said
    assert redact.leaks(said) == []


@pytest.mark.parametrize(
    "words",
    [
        "The CA certificate bundle is invalid.",
        "Certificate 26 of the bundle has an RSA key of 8193 bits; at most 8192 are allowed.",
        "X.509v3 with SHA256withRSA or sha256WithRSAEncryption, P-256, secp256k1, Ed25519",
        "UpdateDomainName was called within 30 seconds; DomainNameConfigurations must be specified.",
        "Truststore has self-signed certificates which expired: CN=Conformance 12",
        "The subjects of the certificates take 12816 bytes.",
    ],
)
def test_the_words_that_a_record_is_for_are_left(words: str) -> None:
    assert Redactor(KNOWN)(words) == words


def test_a_text_is_one_short_line_without_controls_and_a_hostile_one_costs_little() -> None:
    said = Redactor([])("a b\x1b[31m\n" + "word " * 100_000)
    assert len(said) <= LONGEST
    assert said.isprintable()
    assert len(Redactor([])("a" * 1_000_000 + ".")) <= LONGEST
    assert len(Redactor([])("a-." * 400_000)) <= LONGEST


@pytest.mark.parametrize(
    "leak",
    ["jane.doe", "210987654321", "arn:aws:iam::1:x", "https://x", "X-Amz-Date", "ASIAQWERTYUIOPASDFGH", "-----BEGIN"],
)
def test_a_record_that_names_somebody_all_the_same_is_not_written(leak: str) -> None:
    answer = Answer(outcome=Outcome.TAKEN)
    made = Record(
        format=1,
        service=leak,
        date="2026-11-28",
        region="us-east-1",
        sdk="1",
        kit=__version__,
        answers={"a.b": answer},
    )
    with pytest.raises(Problem, match="not written"):
        sealed(made, Redactor(KNOWN))


def test_an_answer_that_names_somebody_all_the_same_costs_its_words_or_itself_and_no_other() -> None:
    leak = "jane.doe"
    answers = {
        "a.words": Answer(outcome=Outcome.TAKEN, text=f"by {leak}", facts={"fact": 1}),
        "a.fact": Answer(outcome=Outcome.TAKEN, facts={"fact": leak}),
        "a.kept": Answer(outcome=Outcome.TAKEN, text="as it was"),
    }
    made = Record(
        format=1, service="alb", date="2026-11-28", region="us-east-1", sdk="1", kit=__version__, answers=answers
    )
    kept, cut = without_leaks(made, Redactor(KNOWN))
    assert cut == ["a.words", "a.fact"]
    assert kept.answers["a.words"] == Answer(outcome=Outcome.TAKEN, facts={"fact": 1})
    assert kept.answers["a.fact"] == Answer(outcome=Outcome.NOT_ASKED, text="not redacted")
    assert kept.answers["a.kept"] == answers["a.kept"]
    sealed(kept, Redactor(KNOWN))


def test_what_an_operator_names_is_known_to_be_personal_part_by_part() -> None:
    key = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/mrk-1234abcd"
    known = Options(kms_key=key, target="10.27.3.4:8080", other_bucket="s3://night/shift.pem").personal()
    assert {key, ACCOUNT, "mrk-1234abcd", "10.27.3.4:8080", "10.27.3.4", "night", "shift.pem"} <= {*known}
    assert "eu-west-1" not in known, "a record says its region"
