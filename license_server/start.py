"""The start of ``license-server``: also where Python is too old, or only the client is installed.

Written so that a Python of the client's can read it and say so.
"""

import sys


def main() -> int:
    """Run the command; return its exit code."""
    if sys.version_info < (3, 11):  # noqa: UP036  # the client's packages install on 3.8
        here = "{}.{}".format(*sys.version_info)
        sys.stderr.write(
            f"[E]: Python 3.11 or later is needed for license-server; {sys.executable} is {here}.\n"
            "     Install it there: `python3.11 -m pip install 'hostseal[server]'`.\n"
        )
        return 3
    try:
        from license_server.cli.main import main as run
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing.startswith("license_"):
            raise
        from license_server.cli import base

        return base.main(missing)
    return run()
