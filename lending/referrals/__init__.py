"""Cases: decisions that a person reviews, from the queue to the further decision that they lead to."""
