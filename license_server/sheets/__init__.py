"""Many licences at once: order sheets, imports, exports and archives."""
