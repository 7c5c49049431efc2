"""A Secret of Kubernetes: a folder whose files are swapped all at once."""

from pathlib import Path


class Secret:
    """A folder whose files are links into one of its versions, which another link names."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir()
        self._version = 0

    def swap(self, files: dict[str, bytes]) -> None:
        """Put *files* in place of what is there, all at once."""
        self._version += 1
        version = self.folder / f"..version_{self._version}"
        version.mkdir()
        for name, data in files.items():
            (version / name).write_bytes(data)
        fresh = self.folder / "..data_tmp"
        fresh.symlink_to(version.name)
        fresh.rename(self.folder / "..data")
        for name in files:
            if not (self.folder / name).is_symlink():
                (self.folder / name).symlink_to(f"..data/{name}")

    def env(self, name: str = "license.dat") -> dict[str, str]:
        """The environment in which a file of it is the licence."""
        return {"LICENSE_FILE": str(self.folder / name)}
