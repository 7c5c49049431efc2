"""Mail: what comes in is read, and what goes out waits until it is sent."""
