"""Whom to trust, and the verdict on what was presented."""
