"""An AWS that lives in this process: moto on a loopback port, plus the trust stores and mTLS domains that moto lacks.

``server`` starts it and is the way in. ``bundle_rules`` holds how strict the services are about a bundle;
``trust_stores``, ``revocations`` and ``listeners`` with ``identity_filters`` are the load balancers' side, ``domains``
with ``domains_rest``, ``domains_http`` and ``routing_rules`` the API Gateway side. ``calls`` remembers what was asked,
``faults`` makes the next calls fail, ``https_listener`` and ``tls_listener`` build what tests need around a trust
store. The others serve these.
"""
