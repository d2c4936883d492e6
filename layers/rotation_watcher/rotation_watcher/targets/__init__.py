"""Step 3: what a bundle wants becomes ``targets/<id>/bundle.pem`` and ``record.json``, deployed and proved."""
