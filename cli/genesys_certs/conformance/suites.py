"""The suites, by their service's name."""

from genesys_certs.conformance import (
    alb,
    alb_handshake,
    api_gateway,
    api_gateway_handshake,
    cloudfront,
    distribution,
    nlb,
    nlb_handshake,
)

SUITES = {
    one.service: one
    for one in (
        alb.SUITE,
        alb_handshake.SUITE,
        api_gateway.SUITE,
        api_gateway_handshake.SUITE,
        nlb.SUITE,
        nlb_handshake.SUITE,
        cloudfront.SUITE,
        distribution.SUITE,
    )
}
