"""A TLS edge that is not ours: a real nginx on loopback that admits clients by the truststore it was given.

It stands where an operator's load balancer or API gateway stands, so that the bundles of the watcher are judged by
OpenSSL and nginx and not by the code that made them. nginx judges by the machine's own clock: a certificate of a
virtual time must be valid now, too, to be admitted.
"""

from local.edge.client import ClientIdentity, EdgeError, Handshake
from local.edge.nginx import BundleRefused
from local.edge.tls_edge import TlsEdge

__all__ = ["BundleRefused", "ClientIdentity", "EdgeError", "Handshake", "TlsEdge"]
