"""The face for people: pages and forms that work without JavaScript."""
