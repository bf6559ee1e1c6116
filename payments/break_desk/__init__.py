"""The break desk: what people do about breaks, what the books' own checks find, and the report of a month's end."""
