"""What a request passes before any route: its access token, its rate, and what no text in it may be."""
