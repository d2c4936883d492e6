"""Alerts: one model, its builders, its outbox, and the forms in which they are delivered."""
