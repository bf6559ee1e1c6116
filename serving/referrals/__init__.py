"""Reviews by a person at both doors: routes and commands."""
