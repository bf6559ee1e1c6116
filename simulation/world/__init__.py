"""The seeded world: shoppers, their bank accounts, what they borrowed, and what they buy today."""
