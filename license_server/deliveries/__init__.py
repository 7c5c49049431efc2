"""What webhooks are told: written in the transaction of the act that it tells of."""
