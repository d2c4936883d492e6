"""The suites, by their service's name."""

from genesys_certs.conformance import alb, api_gateway, cloudfront, nlb

SUITES = {one.service: one for one in (alb.SUITE, api_gateway.SUITE, nlb.SUITE, cloudfront.SUITE)}
