"""The routes on plans: read them, act on one or many, pay and refund."""
