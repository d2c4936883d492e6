"""The suites, by their service's name."""

from genesys_certs.conformance import alb

SUITES = {one.service: one for one in (alb.SUITE,)}
