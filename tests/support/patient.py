"""The real server, except that it waits long for the rest of a request when it is to stop."""

import sys

from license_server.cli import main
from license_server.http import protocols, server

protocols.LAST_WORDS = server.GRACE

if __name__ == "__main__":
    sys.exit(main.main())
