"""What the server does on its own, beside requests."""
