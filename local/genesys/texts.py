"""How a chain is written into the ``certificate`` string of an answer, with the oddities that Genesys shows.

The two defaults follow the sample answer of the help centre's article: the DigiCert text holds
leaf, intermediate and root with CRLF and stray spaces around the markers, and ends without a line break; the Genesys
text holds the leaf alone, with LF and two line breaks at its end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cryptography import x509

from local.genesys.issuing import Identity, pem_of

LITERAL_CRLF = r"\r\n"
"""The escape itself, four characters, as it arrives when somebody escaped twice."""


@dataclass(frozen=True)
class TextStyle:
    """One way to write a chain. ``line_break`` stands within a block, ``between`` after END and before BEGIN."""

    line_break: str = "\n"
    between: str = "\n"
    ending: str = "\n"
    after_begin: str = ""
    order: Literal["leaf-first", "root-first", "leaf-last-but-one"] = "leaf-first"
    holds: Literal["leaf", "without-root", "all"] = "all"

    def write(self, identity: Identity) -> str:
        """Return the identity's chain as text in this style."""
        blocks = [self._block(certificate) for certificate in self._ordered(identity)]
        return self.between.join(blocks) + self.ending

    def _ordered(self, identity: Identity) -> Sequence[x509.Certificate]:
        above = {
            "leaf": (),
            "without-root": tuple(each for each in identity.chain if each.subject != each.issuer),
            "all": identity.chain,
        }[self.holds]
        if self.order == "root-first":
            return (*reversed(above), identity.certificate)
        if self.order == "leaf-last-but-one":
            return (*above[:-1], identity.certificate, *above[-1:])
        return (identity.certificate, *above)

    def _block(self, certificate: x509.Certificate) -> str:
        begin, *body, end = pem_of(certificate).splitlines()
        return self.line_break.join([begin + self.after_begin, *body, end])


DIGICERT_STYLE = TextStyle(line_break="\r\n", between="\r\n ", ending="", after_begin=" ")
GENESYS_STYLE = TextStyle(holds="leaf", ending="\n\n")
