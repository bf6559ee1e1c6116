"""The seeded world: shoppers, their bank accounts, past loans and present checkouts."""
