"""What a lender does with policies before and while they hold: check, test and compare them."""
