"""``python -m license_server`` is the command ``license-server``."""

import sys

from license_server.start import main

sys.exit(main())
