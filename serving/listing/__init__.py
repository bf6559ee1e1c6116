"""Lists of decisions, plans, payments, refunds and payouts, page by page, and what is known of one shopper."""
