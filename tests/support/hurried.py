"""The real server but for one thing: whoever keeps the record hardly pauses.

So a process that is killed at a random moment of a short life is often killed in the middle of
linking events.
"""

import sys

from license_server.background import loop as rounds
from license_server.cli import main as admin

rounds._PAUSE = 0.02  # seconds

if __name__ == "__main__":
    sys.exit(admin.main())
