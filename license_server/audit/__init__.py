"""The audit log: events, their hash chain, checkpoints, and verification."""
