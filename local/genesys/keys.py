"""RSA keys that are made once and kept, because making an RSA-4096 key takes a second and scripts need many.

A key is kept by its purpose (``us-east-1/genesys-root-1``); certificates are never kept, they are made anew for the
clock of each world. These keys protect nothing but simulations: the files are plain, and the folder is not committed.
"""

import os
import secrets
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

PUBLIC_EXPONENT = 65537

DEFAULT_CACHE = Path(__file__).resolve().parents[2] / "build" / "simulator-keys"
"""Where keys are kept unless somebody says otherwise; ``build/`` is not committed."""


class KeyStore:
    """Keys by purpose, shared by threads and by processes that use the same folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[Path, rsa.RSAPrivateKey] = {}

    def rsa(self, purpose: str, bits: int = 2048) -> rsa.RSAPrivateKey:
        """Return the key of this purpose and size, making it when nobody has yet.

        The same purpose gives the same key, also in another process with the same folder: whoever finishes first
        places the file, the others take what stands there.
        """
        path = self._folder / f"{purpose.replace('/', '_')}-rsa{bits}.pem"
        key = self._known.get(path)
        if key is None:
            key = self._known[path] = _load(path) if path.exists() else _make(path, bits)
        return key

    def prepare(self, wanted: Iterable[tuple[str, int]]) -> None:
        """Make what is missing of these (purpose, bits), in parallel: OpenSSL works outside Python's lock."""
        with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            list(pool.map(lambda each: self.rsa(*each), wanted))


def _load(path: Path) -> rsa.RSAPrivateKey:
    # Checking the primes of an RSA-4096 key takes as long as making it; the file is our own and holds no secret.
    key = load_pem_private_key(path.read_bytes(), None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError(f"{path} holds no RSA key")
    return key


def _make(path: Path, bits: int) -> rsa.RSAPrivateKey:
    key = rsa.generate_private_key(PUBLIC_EXPONENT, bits)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    aside.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    try:
        # A link, unlike a rename, never replaces: two processes that race end with one key.
        os.link(aside, path)
    except FileExistsError:
        return _load(path)
    finally:
        aside.unlink()
    return key
