"""Step 3: what a bundle wants becomes ``targets/<folder>/bundle.pem`` and ``record.json``, deployed and proved."""
