"""The conformance kit: the real services are asked what the embedded AWS and the Genesys simulator claim.

A probe asks one thing and gives an answer that can be compared. The same probes run against the embedded AWS in the
tests, which gives the claims (``claims.json``), and against an account of the operator's choice, which gives a record.
"""
