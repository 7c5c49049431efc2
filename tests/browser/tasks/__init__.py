"""Tasks of people at the desk, which Chromium plays: see tests/support/tasks.py."""
