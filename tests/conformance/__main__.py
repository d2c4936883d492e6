"""Write the claims anew, as the local world answers now: ``.venv/bin/python -m tests.conformance``."""

from pathlib import Path

import msgspec

from genesys_certs import conformance
from tests.conformance.embedded import everything

CLAIMS = Path(conformance.__file__).parent / "claims.json"

if __name__ == "__main__":
    CLAIMS.write_bytes(msgspec.json.format(msgspec.json.encode(everything()), indent=1) + b"\n")
