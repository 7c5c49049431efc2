#!/usr/bin/env python3
"""Launcher of the client: ``python cmd/cli.py``, from any folder.

The repository's root is appended to the path, never inserted: this folder is called ``cmd``, and
so is a module of the standard library. Written so that an old Python can read it and say so, and
so that an interrupt finds nothing to interrupt outside of ``main``.
"""


def main():  # type: () -> int
    """Run the client; return its exit code."""
    import gc
    import os
    import sys

    if sys.version_info < (3, 8):
        sys.stderr.write(
            "[E]: Python 3.8 or later is needed; %s is %d.%d.\n"
            "     Start the command with the Python of the product's environment.\n"
            % (sys.executable, sys.version_info[0], sys.version_info[1])
        )
        return 3

    def unraisable(told):  # type: (sys.UnraisableHookArgs) -> None
        if told.exc_type is KeyboardInterrupt:  # it met one of the interpreter's own callbacks
            os._exit(130)
        sys.__unraisablehook__(told)

    sys.unraisablehook = unraisable
    gc.set_threshold(2000)  # what starts and ends within a moment leaves little garbage
    try:
        home = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    except OSError:
        sys.stderr.write(
            "[E]: The folder in which this shell stands was removed.\n"
            "     Go to another one: `cd /`, then give the command with its whole path.\n"
        )
        return 3
    # What is missing there is taken from the one file, where the product ships it beside cmd/.
    sys.path += [home, os.path.join(home, "hostseal.pyz")]
    try:
        from license_cli.app import main as run
    except (ImportError, SystemError, PermissionError) as error:
        try:
            from license_core.dependency import problem_of
            from license_core.exhaustion import is_of_memory
        except (ImportError, PermissionError):
            return _unreadable(_code_of(home))
        if is_of_memory(error):
            raise MemoryError  # noqa: B904  # an old Python knows no `from`
        if isinstance(error, SystemError):
            raise
        missing = problem_of(error)
        sys.stderr.write("[E]: %s\n     %s\n" % (missing.sentence, missing.remedy()))
        return missing.exit_code
    return run(home=home if os.path.isdir(home) else None)  # or an archive


def _code_of(home):  # type: (str) -> str
    """Where the client's code is: the folder beside cmd/, else the one file."""
    import os

    names = ("license_core", "hostseal.pyz")
    places = [os.path.join(home, name) for name in names]
    return next((place for place in places if os.path.lexists(place)), places[0])


def _unreadable(folder):  # type: (str) -> int
    """Say that the client's own code cannot be read: not even its words are there."""
    import sys

    sys.stderr.write(
        "[E]: Cannot read the client's code in %s.\n"
        "     Check it with `ls -ld %s`: it must be whole, and this user must be able to read it.\n"
        % (folder, folder)
    )
    return 11


if __name__ == "__main__":
    try:
        CODE = main()
    except KeyboardInterrupt:
        CODE = 130
    except MemoryError:
        __import__("os").write(2, b"[E]: There is too little memory to run this command.\n")
        CODE = 4
    try:
        __import__("sys").stderr.flush()  # Python 3.8 keeps lines back where it is no terminal
    except (AttributeError, OSError, ValueError):  # closed, or nobody reads
        pass
    # All is said and written by now: taking the interpreter apart would only cost time.
    __import__("os")._exit(CODE)
