"""Whom licences are for and what they are about: customers, products, and the terms of products."""
