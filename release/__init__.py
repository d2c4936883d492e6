"""A release: what is deployed without a checkout, made so that anybody gets the same bytes (docs/releasing.md)."""
