"""Hosts as folders: the files of a kernel and an engine, below a root."""

import struct
from pathlib import Path
from typing import Any

MACHINE_ID = "9c1d" * 8
CONTAINER_ID = "5f0c1b7e" * 8
IP = "172.17.0.2"
HOSTNAME = "studio2_gpu"


def write(root: Path, files: dict[str, str]) -> Path:
    """Write *files*, by their path under *root*."""
    for name, text in files.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return root


def container(
    root: Path,
    *,
    ip: str | None = IP,
    hostname: str = HOSTNAME,
    machine_id: str | None = MACHINE_ID,
    container_id: str | None = CONTAINER_ID,
    cgroup: str = "0::/\n",
    nameserver: str = "192.0.2.53",
    gpus: int = 0,
) -> Path:
    """A container of Docker, on its default bridge unless the nameserver is Docker's own."""
    files = {
        "/proc/sys/kernel/hostname": f"{hostname}\n",
        "/etc/resolv.conf": f"nameserver {nameserver}\n",
        "/proc/self/cgroup": cgroup,
        "/proc/self/mountinfo": mountinfo(container_id),
        **network(ip),
        **link("eth0", 45, 46 if container_id else 45),
    }
    if machine_id is not None:
        files["/etc/machine-id"] = f"{machine_id}\n"
    for gpu in range(gpus):
        files[f"/proc/driver/nvidia/gpus/0000:0{gpu}:00.0/information"] = "Model: a GPU\n"
    if machine_id is None:
        (root / "etc/machine-id").unlink(missing_ok=True)
    return write(root, files)


EVIDENCE = {
    "/sys/class/net/eth0/address": "02:42:ac:11:00:02",
    "/proc/sys/kernel/random/boot_id": "6a1f4d3e-0000-4000-8000-5e5e5e5e5e5e",
    "/sys/class/dmi/id/product_uuid": "4c4c4544-0000-1000-8000-c4c4c4c4c4c4",
}
GPU_UUID = "GPU-8f6d2c10-1111-2222-3333-444455556666"


def evidence(root: Path, **changes: str) -> Path:
    """What a container shows beside its key; *changes* are of the last part of a path."""
    write(
        root, {path: changes.get(Path(path).name, text) + "\n" for path, text in EVIDENCE.items()}
    )
    path = "/proc/driver/nvidia/gpus/0000:01:00.0/information"
    uuid = changes.get("gpu", GPU_UUID)
    return write(root, {path: f"Model: \t a GPU\nGPU UUID: \t {uuid}\n"})


def podman(root: Path, *, nameserver: str = "192.0.2.53", **more: Any) -> Path:
    """A container of podman, on its default network unless another address is given."""
    container(root, **{"ip": "10.88.0.5", "nameserver": nameserver} | more)
    container_id = more.get("container_id", CONTAINER_ID)
    folder = f"/run/containers/storage/overlay-containers/{container_id}/userdata"
    own = f"799 699 0:25 {folder}/.containerenv /run/.containerenv rw - tmpfs tmpfs rw\n"
    mounts = mountinfo(container_id, "/run/containers/storage/overlay-containers", "userdata/")
    return write(root, {"/run/.containerenv": "", "/proc/self/mountinfo": mounts + own})


def mountinfo(
    container_id: str | None,
    folder: str = "/var/lib/docker/containers",
    below: str = "",
    upper: str = "",
) -> str:
    """The mounts of a container whose engine keeps its files in *folder*; None: of a machine.

    *upper* is the folder of the layer that it writes to, which is not always seen.
    """
    lines = ["22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw"]
    if container_id is not None:
        lines = ["699 650 0:50 / / rw,relatime - overlay overlay rw"]
        lines[0] += f",upperdir={upper}" if upper else ""
        folder = f"{folder}/{container_id}/{below}"
        lines += [
            f"{700 + n} 699 8:1 {folder}{name} /etc/{name} rw - ext4 /dev/sda1 rw"
            for n, name in enumerate(("resolv.conf", "hostname", "hosts"))
        ]
    return "".join(f"{line}\n" for line in lines)


def network(ip: str | None, gateway: str | None = None, device: str = "eth0") -> dict[str, str]:
    """The files of ``/proc/net`` for one address in a /16 with a default route, or for none."""
    routes = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
    if ip is None:
        lo = "Inter-|\n face |\n    lo: 0\n"
        return {"/proc/net/route": routes, "/proc/net/fib_trie": "", "/proc/net/dev": lo}
    first, second = ip.split(".")[:2]
    gateway = gateway or f"{first}.{second}.0.1"
    subnet = _kernel(f"{first}.{second}.0.0")
    return {
        "/proc/net/route": (
            f"{routes}{device}\t00000000\t{_kernel(gateway)}\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
            f"{device}\t{subnet}\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
        ),
        "/proc/net/fib_trie": f"Local:\n     |-- {ip}\n        /32 host LOCAL\n",
        "/proc/net/dev": f"Inter-|\n face |\n    lo: 0\n  {device}: 0\n",
    }


def link(device: str, number: int, other: int) -> dict[str, str]:
    """The files of ``/sys/class/net`` for an interface whose other end has the number *other*."""
    folder = f"/sys/class/net/{device}"
    return {f"{folder}/ifindex": f"{number}\n", f"{folder}/iflink": f"{other}\n"}


def _kernel(address: str) -> str:
    """An IPv4 address as /proc/net/route writes it."""
    (number,) = struct.unpack("<I", bytes(map(int, address.split("."))))
    return f"{number:08X}"
