"""The real server, except that the keeper of the audit log hardly pauses.

So a process that is killed at a random moment of a short life is often killed in the middle of
linking events.
"""

import sys

from license_server.background import loop
from license_server.cli import main

loop._PAUSE = 0.02  # seconds

if __name__ == "__main__":
    sys.exit(main.main())
