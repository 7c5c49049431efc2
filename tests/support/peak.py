"""The real command, which says last how many KiB of memory it had at most."""

import re
import sys
from pathlib import Path

from license_server.cli import main

if __name__ == "__main__":
    code = main.main()
    (most,) = re.findall(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text("ascii"))
    print(most, file=sys.stderr)
    sys.exit(code)
