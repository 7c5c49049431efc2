"""Requests: what operators ask for, from when it comes in until a licence answers it."""
