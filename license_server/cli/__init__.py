"""The subcommands of ``license-server``, a file for each noun: parse, call, print.

A clock that Python cannot hold ends the command here: even the standard library, when it is
imported, would fail at it.
"""

from __future__ import annotations

import sys

from license_core.clock import present
from license_core.errors import ClockWrongError

try:
    present()
except ClockWrongError as error:
    sys.stderr.write(f"[E]: {error.sentence}\n     {error.remedy()}\n")
    sys.exit(error.exit_code)
