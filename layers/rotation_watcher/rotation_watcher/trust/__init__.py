"""Which roots are trusted, and the verdict on what was presented."""
