"""Many licences at once: CSV files, imports, exports and archives."""
