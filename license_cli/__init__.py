"""The client: what an operator runs in the customer's container."""
