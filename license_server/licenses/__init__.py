"""Licences: orders, actions, proposals, search and statistics."""
