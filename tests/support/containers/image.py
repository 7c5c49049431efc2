"""The base image of test containers: empty folders, and links into a mounted /usr."""

import io
import tarfile
from pathlib import Path

MACHINE_ID = "5e1f0c7a9b3d4e2f8a6b1c0d9e8f7a6b"  # baked into the image, so every container has it
OPERATOR = "operator"  # the unprivileged user of the image
BASE_IMAGE = "base:test"


def base_image() -> bytes:
    """A tar of empty folders and of links into /usr, which each container mounts."""
    texts = {
        "etc/machine-id": f"{MACHINE_ID}\n",
        "etc/passwd": (
            f"root:x:0:0:root:/root:/bin/sh\n{OPERATOR}:x:1000:1000::/home/{OPERATOR}:/bin/sh\n"
        ),
        "etc/group": f"root:x:0:\n{OPERATOR}:x:1000:\n",
    }
    files = {name: text.encode() for name, text in texts.items()}
    # Finds libraries in /usr/local/lib, where some interpreters keep their own.
    linker_cache = Path("/etc/ld.so.cache")
    if linker_cache.exists():
        files["etc/ld.so.cache"] = linker_cache.read_bytes()

    # /root is open, as an interpreter of root's may be mounted below it.
    folders = {"usr": 0o755, "etc": 0o755, "root": 0o755, "home": 0o755, f"home/{OPERATOR}": 0o755}
    folders |= {"tmp": 0o1777, "proc": 0o555, "sys": 0o555, "dev": 0o755, "run": 0o755}
    folders |= {"var": 0o755, "opt": 0o755}

    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w") as tar:
        for name, mode in folders.items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            if name.endswith(OPERATOR):
                entry.uid = entry.gid = 1000
            tar.addfile(entry)
        for name in ("bin", "sbin", "lib", "lib64"):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, f"usr/{name}"
            tar.addfile(entry)
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.mode, entry.size = 0o644, len(content)
            tar.addfile(entry, io.BytesIO(content))
    return output.getvalue()
