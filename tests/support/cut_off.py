"""The real command, killed as it is about to give a file its name, as often as a variable says.

``CUT_OFF_AT``: at which of the calls of ``os.replace`` that is; 0: at none.
"""

import os
import sys
from typing import Any

from license_server.cli import main
from tests.support import quick_keys  # noqa: F401  # by itself it sets what keys cost

AT = "CUT_OFF_AT"
KILLED = 70
replace = os.replace
_calls = 0


def _replace(*given: Any, **more: Any) -> None:
    global _calls  # noqa: PLW0603
    _calls += 1
    if _calls == int(os.environ[AT]):
        os._exit(KILLED)
    replace(*given, **more)


if __name__ == "__main__":
    os.replace = _replace
    sys.exit(main.main())
