"""``approve`` where there is no root: it types the upload, if the watch file still names the authority."""

from types import SimpleNamespace
from typing import Any

import pytest

from genesys_certs.approve import Held, approval_of
from genesys_certs.problems import Problem
from genesys_certs.stack import Stack
from rotation_watcher.trust.findings import Finding, Reason
from tests.support.pki import NOW
from tests.support.watch_files import watch_file


def _watch(*authorities: str) -> Any:
    source = {
        "id": "use1",
        "region": "us-east-1",
        "credentials": "arn:aws:secretsmanager:us-east-1:123456789012:secret:genesys-AbCdEf",
    }
    return watch_file(
        {
            "mode": "apply",
            "sources": [source | {"authorities": [*authorities]}],
            "bundles": [{"id": "main", "sources": ["use1"], "authorities": [authorities[0]]}],
            "targets": [],
        }
    )


@pytest.mark.parametrize(("authorities", "typed"), [(["Genesys", "DigiCert"], True), (["Genesys"], False)])
def test_an_authority_that_is_named_no_more_has_no_upload_to_type(authorities: list[str], *, typed: bool) -> None:
    stack: Any = Stack.__new__(Stack)
    stack.outputs, stack.region = {"BucketName": "our-bucket"}, "us-east-1"
    stack.watch = lambda: _watch(*authorities)
    entry: Any = SimpleNamespace(reasons=(Finding(Reason.ANCHOR_MISSING, "none"),), facts=object())
    with pytest.raises(Problem, match="no root to trust") as told:
        approval_of(stack, Held("use1", "us-east-1", "DigiCert", "ab", entry), [], by="a", why=None, until=NOW)
    assert ("aws s3 cp root.pem" in str(told.value.remedy)) is typed
