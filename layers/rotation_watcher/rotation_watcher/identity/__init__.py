"""Step 4: what doors decide by: ``bundles/<id>/identity.json``, and the decision that is made from it."""
