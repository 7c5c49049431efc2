"""Root without its right to read and write everything: as any other user is."""

import os
import shutil

from tests.support.need import need

_RIGHTS = ("dac_override", "dac_read_search", "fowner", "kill")


def unprivileged(user: int | None = None) -> tuple[str, ...]:
    """What follows may do no more than its user may: the present one, or that with this number."""
    if os.geteuid() != 0:
        return () if user is None else need("another user", "run these tests as root")
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        need("setpriv", "apt-get install util-linux")
    gone = f"--bounding-set={','.join(f'-{right}' for right in _RIGHTS)}"
    who = () if user is None else (f"--reuid={user}", "--clear-groups")
    return (setpriv, gone, "--inh-caps=-all", *who)
