"""Customers, products, and the terms products offer."""
