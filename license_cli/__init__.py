"""The client that operators run in the customer's container."""
