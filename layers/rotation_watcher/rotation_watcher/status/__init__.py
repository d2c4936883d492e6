"""What there is to see: everything that the watcher keeps, gathered into one value, and the page made of it."""
