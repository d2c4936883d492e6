"""Watch the mTLS client certificates of Genesys Cloud data actions and keep truststores ready for them.

The modules fall into three rings; imports point inwards only, and ``tests/unit/test_layers.py`` holds them to it:

* pure: ``errors``, ``regions``, ``certificates``, ``assessment``, ``history``, ``bundle``, ``plan``, ``alerts`` … (no
  I/O, no clock, no environment);
* use cases: ``collect``, ``publish``, ``slack`` — orchestration over the Protocols of ``ports``;
* the rim: ``adapters``, ``settings``, ``bootstrap``.
"""

__version__ = "0.1.0"
"""The version of everything that is released together (docs/releasing.md)."""
