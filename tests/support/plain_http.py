"""What HTTP clients of the tests verify TLS with, where none is spoken."""

import ssl

NO_ROOTS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Made at once, where httpx would read a hundred roots for each client."""
