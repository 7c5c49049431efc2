"""The audit log: events, the chain over them, signed checkpoints, and how both are verified."""
