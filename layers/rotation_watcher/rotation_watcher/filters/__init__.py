"""The identity filters of listeners: the names of accepted leaves, behind a trust store that admits more (0033)."""
