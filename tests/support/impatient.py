"""The real server, except that a stop waits for a lock, or for the rest of a request, not for long.

All other waits are longer than any test: what waits for one of them is seen to hang.
"""

import sys

from license_server.cli import main
from license_server.db import sqlite
from license_server.http import protocols, server

sqlite.PATIENCE = 1e6
sqlite.TRY = sqlite.LAST_TRY = 0.05
protocols.LAST_WORDS, server.GRACE, server.LIMIT = 1, 50, 55

if __name__ == "__main__":
    sys.exit(main.main())
