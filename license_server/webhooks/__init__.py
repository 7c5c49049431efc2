"""Webhooks: other systems are told of events, by signed requests (docs/WEBHOOKS.md)."""
