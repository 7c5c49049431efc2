"""Tests speak English, whatever this machine's language is, and ask the same each time."""

import os

from hypothesis import settings

os.environ["LC_ALL"] = "C.UTF-8"
# Chance is for the long campaigns: a test that fails fails again.
settings.register_profile("steady", derandomize=True, database=None)
settings.load_profile("steady")
