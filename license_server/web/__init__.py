"""The desk: pages and forms that work without JavaScript."""
