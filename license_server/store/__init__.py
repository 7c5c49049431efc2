"""All queries, a module a kind of row.

Every function takes the connection of a transaction that somebody else commits.
"""
