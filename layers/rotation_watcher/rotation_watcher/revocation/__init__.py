"""Step 3: the revocation lists of what bundles rest on become ``crls/<list>/`` and ``crls/revoked.json``."""
