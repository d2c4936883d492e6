"""Bytes to certificates to a path. Knows neither Genesys nor AWS."""
