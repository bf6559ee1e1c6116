"""The break desk: events, acts, findings of the books, and the end of a month."""
