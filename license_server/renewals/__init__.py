"""Renewals: what ends, and the reminders of it."""
