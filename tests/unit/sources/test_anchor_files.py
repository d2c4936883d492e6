"""A file of roots that is damaged in part is alerted once, with its end, while its good roots go on verifying."""

import msgspec

from rotation_watcher.alerts.model import Severity
from rotation_watcher.sources.context import Context
from rotation_watcher.sources.history import Status
from rotation_watcher.trust.file_contents import OperatorFile, anchors
from tests.support import certs
from tests.unit.sources.test_update import Teller, view

KEY = "anchors/us-east-1.pem"
ROOT, OTHER = certs.self_signed_ca("Root"), certs.self_signed_ca("Other")


class Reader(Teller):
    """A teller whose observations go along with an anchor file."""

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self.body = body

    def context(self) -> Context:
        file: OperatorFile = anchors("bucket", KEY, self.body)[0]
        return msgspec.structs.replace(super().context(), anchor_files={"Genesys": file})


def test_a_good_file_is_not_alerted() -> None:
    assert Reader(ROOT.pem + OTHER.pem).see(view("A"), view("A")).kinds == []


def test_a_damaged_block_beside_a_good_root_is_alerted_once_and_its_end_too() -> None:
    reader = Reader(ROOT.pem + OTHER.pem[:200])
    reader.see(view("A"), view("A"), view("A"))

    (alert,) = reader.told
    assert (alert.kind, alert.severity, alert.source) == ("file-damaged", Severity.WARNING, "use1")
    assert "line 11: the last block has no END marker" in alert.what_happened
    assert reader.status("A") is Status.CURRENT
    reader.body = ROOT.pem + OTHER.pem
    reader.see(*(view("A") for _ in range(4)))
    assert reader.kinds == ["file-damaged", "over: file-damaged"]


def test_a_private_key_beside_a_root_is_critical() -> None:
    (alert,) = Reader(ROOT.pem + ROOT.key_pem).see(view("A")).told

    assert alert.severity is Severity.CRITICAL
    assert ROOT.key_pem.decode().splitlines()[1][:20] not in repr(alert)


def test_a_private_key_where_no_root_is_left_is_alerted_beside_the_missing_anchor() -> None:
    assert Reader(ROOT.key_pem).see(view("A")).kinds == ["file-damaged"]


def test_a_file_without_any_root_is_left_to_the_alert_about_the_missing_anchor() -> None:
    assert Reader(ROOT.pem[:200]).see(view("A")).kinds == []


def test_another_fault_of_the_same_file_is_alerted_and_the_end_of_the_first_says_so() -> None:
    reader = Reader(ROOT.pem + OTHER.pem[:200])
    reader.see(view("A"))
    reader.body = ROOT.pem + ROOT.key_pem
    reader.see(*(view("A") for _ in range(4)))

    assert reader.kinds == ["file-damaged", "file-damaged", "over: file-damaged"]
    first, second, over = reader.told
    assert (over.id, second.id in over.what_it_means) == (first.id, True)
