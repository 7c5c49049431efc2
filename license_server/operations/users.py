"""The users of this machine: what they are called."""

import pwd
import shlex


def name_of(uid: int) -> str:
    """What people call the user *uid*: its name, else its number."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def account(uid: int) -> str:
    """The user *uid* as `sudo -u` takes it, quoted for a shell."""
    name = name_of(uid)
    return shlex.quote(f"#{uid}" if name.isdecimal() else name)
