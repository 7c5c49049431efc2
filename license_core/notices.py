"""What is remarked on without a refusal: the slug of a notice, its level and its words.

Plain data, written and filled in as problems.py is, and loaded only where something is said.
"""

from typing import NamedTuple


class Remark(NamedTuple):
    """One row of ``NOTICES``; ``level`` is ``warning``, ``note`` or ``detail``."""

    level: str
    sentence: str
    remedy: str


NOTICES: dict[str, Remark] = {
    # warnings: the licence holds, but somebody should act
    "expires-soon": Remark(
        "warning",
        "The licence ends {ended_at}, in {days} days.",
        "Ask your vendor to renew it: send the output of `{cli} request`.",
    ),
    "in-grace": Remark(
        "warning",
        "The licence ended {ended_at}; it is tolerated until {grace_until_at}.",
        "Renew it before then: send the output of `{cli} request` to your vendor.",
    ),
    "address-may-change": Remark(
        "warning",
        "The host key contains the address {ip}, which {engine}'s default network may give to "
        "another container when this one is stopped and started; the key would change and the "
        "licence not hold.",
        "Pin the address before you order a licence. On the machine that runs the container:\n"
        "  {engine} network create --subnet {subnet} --gateway {subnet_gateway} "
        "--ip-range {subnet_range} licnet\n"
        "  {engine} network disconnect {bridge} {container}\n"
        "  {engine} network connect --ip {subnet_ip} licnet {container}\n"
        "or, for a new container:\n"
        "  {engine} run -d --network licnet --ip {subnet_ip} --hostname {hostname} {gpus}"
        "-e LICENSE_PINNED_IP={subnet_ip} IMAGE\n"
        "then run `{cli} get_host_key` again: the key will be another.",
    ),
    "pod-is-replaced": Remark(
        "warning",
        "This is a Kubernetes pod: its address changes when the pod is made anew, "
        "and its container id at every restart of the container.",
        "Mount the node's /etc/machine-id read-only, keep the pod's hostname, "
        "and order a licence for `{cli} get_host_key --profile hk1-host` "
        "with the match `anchored`.",
    ),
    "host-drifted": Remark(
        "warning",
        "The host has changed since the licence was issued; this licence tolerates that.",
        "Nothing must be done. A new licence can be ordered with `{cli} request`.",
    ),
    "memory-missing": Remark(
        "warning",
        "There is no memory of earlier checks ({path}), "
        "so a clock that was set back would not be noticed.",
        "Nothing must be done: this check begins a new one.",
    ),
    "memory-invalid": Remark(
        "warning",
        "The memory of earlier checks ({path}) is not this host's or is damaged; "
        "it is not relied on.",
        "Nothing must be done: this check begins a new one.",
    ),
    "memory-not-written": Remark(
        "warning",
        "The memory of this check could not be written to {path}: {reason}.",
        "Let the user that runs the check write in that folder.",
    ),
    "trust-invalid": Remark(
        "warning",
        "What was learned of the vendor's keys ({path}) is damaged; it is not relied on.",
        "Nothing must be done, unless a check says that something is missing: "
        "then ask your vendor for the present keyset, and run `{cli} install FILE`.",
    ),
    "revocations-old": Remark(
        "warning",
        "The revocation list {number} is of {listed_at}; a later one was due {ended_at}.",
        "Ask your vendor for the present list, and run `{cli} install FILE`.",
    ),
    "revocations-dropped": Remark(
        "warning",
        "This host has seen revocation list {seen_number}, and now there is only list {number}.",
        "Ask your vendor for the present list, and run `{cli} install FILE`.",
    ),
    "product-unset": Remark(
        "warning",
        "No product is named in {path}, so a licence for any product of this vendor is accepted.",
        'Product developers: ship {path} with a line `product = "…"`.',
    ),
    # what only doctor says
    "address-pinned-by-compose": Remark(
        "note",
        "The same with Compose: the network, and the address of the service in it; "
        "then `{compose} up -d`.",
        "  services:\n"
        "    YOUR_SERVICE:\n"
        "      hostname: {hostname}\n"
        "      environment:\n"
        "        LICENSE_PINNED_IP: {subnet_ip}\n"
        "      networks:\n"
        "        licnet:\n"
        "          ipv4_address: {subnet_ip}\n"
        "  networks:\n"
        "    licnet:\n"
        "      ipam:\n"
        "        config:\n"
        "          - subnet: {subnet}\n"
        "            gateway: {subnet_gateway}\n"
        "            ip_range: {subnet_range}",
    ),
    "address-pinned-by-podman": Remark(
        "note",
        "The same with podman, for a machine that has it in place of docker; "
        "the Compose file is the same, and `podman-compose up -d` starts it.",
        "  podman network create --subnet {subnet} --gateway {subnet_gateway} "
        "--ip-range {subnet_range} licnet\n"
        "  podman run -d --network licnet --ip {subnet_ip} --hostname {hostname} {gpus}"
        "-e LICENSE_PINNED_IP={subnet_ip} IMAGE",
    ),
    "machine-short": Remark(
        "warning",
        "The product wants {what}: {wanted}; this machine has {present}.",
        "Use a machine that has as much, or ask the product's vendor what it can do with less.",
    ),
    "cpus-short": Remark(
        "warning",
        "The product wants {wanted} CPUs; there are {present}.",
        "If the container is limited: `{engine} update --cpus {number} {container}`.",
    ),
    "memory-short": Remark(
        "warning",
        "The product wants {wanted} of memory; there are {present}.",
        "If the container is limited: "
        "`{engine} update --memory {number}g --memory-swap {number}g {container}`.",
    ),
    "gpus-short": Remark(
        "warning",
        "The product wants {wanted} GPUs; {present} are visible.",
        "Start the container with `--gpus {number}`; `nvidia-smi -L` on the machine lists them. "
        "With Compose, under the service:\n"
        "      deploy:\n"
        "        resources:\n"
        "          reservations:\n"
        "            devices:\n"
        "              - capabilities: [gpu]\n"
        "                count: {number}",
    ),
    "disk-short": Remark(
        "warning",
        "The product wants {wanted} of free disk; there are {present}.",
        "See what takes it: `df -h {folder}`, `{engine} system df`.",
    ),
    "port-taken": Remark(
        "warning",
        "The product wants TCP port {port}, and something listens on it already.",
        "See who has it: `ss -ltnp 'sport = :{port}'`. If it is the product itself, all is well.",
    ),
    # notes: good to know
    "address-unconfirmed": Remark(
        "note",
        "The container is on a network of its own; whether its address {ip} is fixed "
        "cannot be seen from inside.",
        "If it was started with `--ip {ip}`, say so with `-e LICENSE_PINNED_IP={ip}`; "
        "if not, pin it before you order a licence.",
    ),
    # details: which part of the host changed
    "ip-changed": Remark(
        "detail",
        "The address was {before} when licensed and is {after} now.",
        "The licence holds again where the container has {before} again: stop whatever has that "
        "address now, and restart this container. To keep an address for good, pin one "
        "(`{cli} doctor` prints how), and then order a new licence.",
    ),
    "hostname-changed": Remark(
        "detail",
        "The hostname was {before} when licensed and is {after} now.",
        "Start the container with `--hostname {before}` again, or order a new licence.",
    ),
    "ip-differs": Remark(
        "detail",
        "The address is not the licensed one; it is {after} now.",
        "The licence holds again where the container has its former address again. To keep an "
        "address for good, pin one (`{cli} doctor` prints how), and then order a new licence.",
    ),
    "hostname-differs": Remark(
        "detail",
        "The hostname is not the licensed one; it is {after} now.",
        "Start the container with its former hostname again, or order a new licence.",
    ),
    "machine-id-differs": Remark(
        "detail",
        "The machine id is another: this is another machine or another image.",
        "Move the service back, or order a licence for this host.",
    ),
    "container-id-differs": Remark(
        "detail",
        "The container id is another: this is another container than the licensed one.",
        "Start the licensed container again (`docker start`, `podman start`), or order a licence "
        "for this one.",
    ),
    "change-unknown": Remark(
        "detail",
        "What changed cannot be told: {reason}.",
        "A licence that was ordered with the whole request, not with the bare line, tells it.",
    ),
}
