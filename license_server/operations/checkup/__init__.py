"""``license-server check``: what is wrong with a server, or soon will be, and what mends it."""
