"""The start of the one file: `make onefile` packs it into ``hostseal.pyz`` as ``__main__.py``.

Python compiles what it finds in an archive anew at each start, which takes longer than all that a
check does. So the archive has, beside the sources, what each Python that was there when it was
made has compiled of them; any other Python reads the sources. Written so that an old Python can
read it, for the launcher to say so.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType
    from zipimport import zipimporter

    __loader__ = zipimporter("")

LAUNCHER = "cmd/cli.py"


class Compiled(object):
    """Finds the modules of the archive, and runs what was compiled of them."""

    def __init__(self, archive, loader, compiled):  # type: (str, zipimporter, bytes) -> None
        import marshal

        self.archive = archive
        self.get_data = loader.get_data  # for what is read by its path
        self.codes = memoryview(compiled)
        # Behind it stand the codes: where each begins is counted from the end.
        self.modules = marshal.loads(compiled)  # type: dict[str, tuple[str, bool, int]]

    def code(self, name):  # type: (str) -> CodeType
        """What was compiled of a module."""
        import marshal

        return marshal.loads(self.codes[self.modules[name][2] :])  # type: ignore[no-any-return]

    def find_spec(self, name, _path=None, _target=None):
        # type: (str, object, object) -> ModuleSpec | None
        """How *name* is imported; None: it is not in the archive."""
        if name not in self.modules:
            return None
        from importlib.machinery import ModuleSpec

        inside, is_package, _ = self.modules[name]
        origin = os.path.join(self.archive, inside)
        spec = ModuleSpec(name, None, origin=origin, is_package=is_package)
        spec.loader = self  # type: ignore[assignment]
        spec.has_location = True
        if spec.submodule_search_locations is not None:
            spec.submodule_search_locations.append(os.path.dirname(origin))
        return spec

    def create_module(self, spec):  # type: (ModuleSpec) -> None
        """Leave it to the interpreter."""

    def exec_module(self, module):  # type: (ModuleType) -> None
        """Run the code of *module*."""
        exec(self.code(module.__name__), module.__dict__)


def launcher(archive, loader):  # type: (str, zipimporter) -> CodeType
    """The code of the launcher; from now on what this Python has compiled is found."""
    try:
        from importlib.util import MAGIC_NUMBER

        tag = "%s-%s" % (sys.implementation.cache_tag, MAGIC_NUMBER.hex())
        compiled = Compiled(archive, loader, loader.get_data("compiled/" + tag))
    except (ImportError, OSError):
        source = loader.get_data(LAUNCHER)
        return compile(source, os.path.join(archive, LAUNCHER), "exec")
    sys.meta_path.insert(0, compiled)
    return compiled.code(LAUNCHER)


def main():  # type: () -> None
    """Run the launcher, as if the archive were the folder in which it stands."""
    try:
        archive = sys.path[0] = os.path.abspath(sys.path[0])
    except OSError:
        sys.stderr.write(
            "[E]: The folder in which this shell stands was removed.\n"
            "     Go to another one: `cd /`, then give the command with its whole path.\n"
        )
        sys.stderr.flush()
        os._exit(3)
    loader = __loader__
    if loader.archive != archive:  # before Python 3.9 it goes by the relative path of the call
        loader = type(loader)(archive)
    code = launcher(archive, loader)
    exec(code, {"__name__": "__main__", "__file__": os.path.join(archive, LAUNCHER)})


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        os._exit(130)
