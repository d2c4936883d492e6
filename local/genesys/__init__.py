"""A Genesys Cloud that lives on this machine: real HTTPS, real certificates, time by a clock that you own.

``world`` holds what exists and when it changes, ``pki`` and ``keys`` make the certificates, ``texts`` writes them the
way Genesys does, ``server`` lets it be asked over HTTPS, and ``control`` plays any raw answer instead.
"""
