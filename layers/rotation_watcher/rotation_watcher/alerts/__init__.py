"""What people are told: one model, its builders, its outbox, and the forms in which it is delivered."""
