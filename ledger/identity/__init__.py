"""Who acts, what each role may do up to which amount, and what needs a second person."""
