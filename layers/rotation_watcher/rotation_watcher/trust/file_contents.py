"""What an operator's file of certificates holds: what of it is used, and line by line what is not and why.

Pure; ``operator_files`` fetches the files.
"""

import msgspec

from rotation_watcher.x509.certificates import Block, Certificate, Held, parse_lines
from rotation_watcher.x509.outline import outline_of
from rotation_watcher.x509.paths import roots
from rotation_watcher.x509.pem import Defect

UNREADABLE = "unreadable"
"""The code of a file that the store does not give, which may pass unaided."""


class Fault(msgspec.Struct, frozen=True):
    """Something in a file that is not used: the line on which it begins (from 1; 0: the file as a whole), and why."""

    line: int
    defect: Defect

    @property
    def words(self) -> str:
        """For people."""
        return f"line {self.line}: {self.defect.detail}" if self.line else self.defect.detail


class OperatorFile(msgspec.Struct, frozen=True):
    """A file of the operator's in the bucket: what of it is used, and what is not.

    ``held`` is in the file's order. What of it is a block without a certificate is a CA that ``cryptography`` refuses
    and engines read (``outline``). While there are ``faults``, nobody knows what the file was meant to hold: what it
    once held must not be taken away.
    """

    bucket: str
    key: str
    held: tuple[Certificate | Block, ...]
    faults: tuple[Fault, ...]

    @property
    def reported(self) -> tuple[tuple[int, str, str], ...]:
        """The faults as alerts take them (line, code, words); a private key first."""
        faults = sorted(self.faults, key=lambda fault: fault.defect.code != "private-key")
        return tuple((fault.line, fault.defect.code, fault.defect.detail) for fault in faults)

    @property
    def exposes_key(self) -> bool:
        """Whether a private key lies in it."""
        return any(fault.defect.code == "private-key" for fault in self.faults)

    @property
    def unusual(self) -> tuple[Block, ...]:
        """What ``cryptography`` refuses and is used all the same."""
        return tuple(one for one in self.held if isinstance(one, Block))


def anchors(bucket: str, key: str, body: bytes) -> tuple[OperatorFile, list[Certificate]]:
    """A file of roots, and every certificate in it. Only its self-signed CAs are used; others are no fault there."""
    lines = parse_lines(body)
    read = dict.fromkeys(one.content.certificate for one in lines if isinstance(one.content, Block))
    certificates = [certificate for certificate in read if certificate is not None]
    faults = tuple(Fault(one.line, defect) for one in lines if (defect := _defect(one)) is not None)
    return OperatorFile(bucket, key, tuple(roots(certificates)), faults), certificates


def extra(bucket: str, key: str, body: bytes) -> OperatorFile:
    """A file of CA certificates that the operator adds to a bundle."""
    held: dict[str, Certificate | Block] = {}
    faults: list[Fault] = []
    for one in parse_lines(body):
        taken = _taken(one)
        if isinstance(taken, Defect):
            faults.append(Fault(one.line, taken))
        else:
            held.setdefault(taken.fingerprint, taken)
    if not held and not faults:
        faults.append(Fault(0, Defect("no-certificate", "it is empty")))
    return OperatorFile(bucket, key, tuple(held.values()), tuple(faults))


def _taken(one: Held) -> Certificate | Block | Defect:
    """What of a line in an ``extra`` file is added to a bundle, or why it is not."""
    defect = _defect(one)
    if isinstance(one.content, Defect) or (defect is not None and defect.code != "unparsable"):
        return defect or Defect("unparsable", "it cannot be read")
    certificate = one.content.certificate
    if certificate is not None:
        return certificate if certificate.is_ca else _no_ca(certificate.facts.subject)
    outline = outline_of(one.content.der)
    if outline is None:
        return defect or Defect("unparsable", "it cannot be read")
    return one.content if outline.is_ca else _no_ca(outline.facts.subject)


def _no_ca(subject: str) -> Defect:
    return Defect("not-a-ca", f"this is no CA certificate ({subject})")


def _defect(one: Held) -> Defect | None:
    """What keeps a line from being read, or None."""
    return one.content if isinstance(one.content, Defect) else one.content.defect
