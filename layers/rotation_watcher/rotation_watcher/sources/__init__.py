"""Step 1: what Genesys presents becomes ``sources/<id>/history.json``."""
