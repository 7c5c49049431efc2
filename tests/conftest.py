"""Tests speak English, whatever this machine's language is."""

import os

os.environ["LC_ALL"] = "C.UTF-8"
