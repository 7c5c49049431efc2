"""Licences: orders, acts, proposals, search and statistics."""
