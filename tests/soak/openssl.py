"""OpenSSL's word on many leaves against one truststore, each question put once."""

import hashlib
from collections.abc import Iterable
from datetime import datetime

from cryptography import x509

from local.genesys.issuing import Identity
from tests.support import verdicts


class Openssl:
    """``verdicts.admitted``, remembered. ``asked`` counts questions, ``started`` processes.

    The answer depends on the bundle, the leaf, and which of the certificates are valid at the moment: that is what an
    answer is remembered by.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, tuple[bool, ...]], bool] = {}
        self.asked = 0
        self.started = 0

    def admitted(self, bundle: bytes, leaves: Iterable[Identity], now: datetime) -> frozenset[str]:
        """The fingerprints of those leaves that a server with this truststore lets in."""
        if not bundle:
            return frozenset()
        name = hashlib.sha256(bundle).hexdigest()
        authorities = tuple(_valid(one, now) for one in certificates(bundle))
        wanted = {leaf.fingerprint: leaf for leaf in leaves}
        questions = {key: (name, key, (_valid(leaf.certificate, now), *authorities)) for key, leaf in wanted.items()}
        self.asked += len(questions)
        new = [wanted[key] for key, question in questions.items() if question not in self._known]
        if new:
            self.started += 1
            said = verdicts.admitted(bundle, new, now)
            self._known |= {questions[leaf.fingerprint]: leaf.fingerprint in said for leaf in new}
        return frozenset(key for key, question in questions.items() if self._known[question])


_parsed: dict[bytes, tuple[x509.Certificate, ...]] = {}


def certificates(bundle: bytes) -> tuple[x509.Certificate, ...]:
    """What a truststore holds, by ``cryptography``'s own loader."""
    if bundle not in _parsed:
        if len(_parsed) > 500:
            _parsed.clear()
        _parsed[bundle] = tuple(x509.load_pem_x509_certificates(bundle))
    return _parsed[bundle]


def _valid(certificate: x509.Certificate, now: datetime) -> bool:
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc
