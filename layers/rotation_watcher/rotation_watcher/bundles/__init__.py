"""Step 2: histories become ``bundles/<id>/wanted.pem``, ``pins.json`` and ``manifest.json``."""
