"""From bytes to certificates to a verified path. Independent of Genesys and AWS."""
