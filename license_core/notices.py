"""What is remarked on without a refusal: the slug of a notice, its level and its words.

Plain data, written and filled in as problems.py is, and loaded only where something is said.
"""

from __future__ import annotations

from license_core.record import NamedTuple


class Remark(NamedTuple):
    """One row of ``NOTICES``; ``level`` is ``warning``, ``note`` or ``detail``."""

    level: str
    sentence: str
    remedy: str


NOTICES: dict[str, Remark] = {
    # warnings: the licence is valid, but somebody should act
    "expires-soon": Remark(
        "warning",
        "The licence expires {ended_at}, in {days:less than a day|# day|# days}.",
        "Ask your vendor to renew it: send the output of `{cli} request`.",
    ),
    "in-grace": Remark(
        "warning",
        "The licence expired {ended_at}; the grace period ends {grace_until_at}.",
        "Renew it before then: send the output of `{cli} request` to your vendor.",
    ),
    "address-may-change": Remark(
        "warning",
        "The host key contains the address {ip}. While this container is stopped, {engine}'s "
        "default network may give that address to another one; the host key would then change "
        "and the licence would no longer be valid.",
        "Pin the address before you order a licence; then run `{cli} get_host_key` again: "
        "the host key will be different.",
    ),
    "address-is-lent": Remark(
        "warning",
        "The host key contains the address {ip}, which is lent to this host on {device} (by DHCP "
        "or a router) and may change; the licence would then no longer be valid.",
        "Before you order a licence, give {device} a fixed address, or have the server reserve "
        "{ip} for this host; then set LICENSE_PINNED_IP={ip}, and nothing more is said.",
    ),
    "address-of-wsl": Remark(
        "warning",
        "The host key contains the address {ip}, which Windows may change whenever WSL starts; the "
        "licence would then no longer be valid.",
        "Before you order a licence, let WSL have the addresses of Windows (Windows 11): write "
        "these lines into %UserProfile%\\.wslconfig and run `wsl --shutdown` in Windows. Or ask "
        "your vendor for a licence with binding `anchored`: send the output of `{cli} request`.\n"
        "  [wsl2]\n"
        "  networkingMode=mirrored",
    ),
    "former-address": Remark(
        "note",
        "The licence is for the address {former}, which this host still has; a licence that is "
        "ordered now is for {ip}, which lasts longer.",
        "Nothing to do. The next licence you order takes this up.",
    ),
    "pod-is-replaced": Remark(
        "warning",
        "This is a Kubernetes pod: its address changes when the pod is recreated, "
        "and its container id at every restart of the container.",
        "Order a licence for the cluster: hand in the UID of its namespace kube-system as "
        "LICENSE_CLUSTER_UID and send the output of `{cli} request --profile hk1-cluster`. Or one "
        "for this node: mount its /etc/machine-id read-only, and ask for binding `anchored` with "
        "the output of `{cli} request --profile hk1-host`.",
    ),
    "pod-address-changes": Remark(
        "warning",
        "This is a Kubernetes pod: the next one will have another address, and an exact licence "
        "for this one will not be valid there.",
        "Ask your vendor for a licence with binding `anchored`: send the output of "
        "`{cli} request --profile hk1-host`. Or order one for the whole cluster: hand in the UID "
        "of its namespace kube-system as LICENSE_CLUSTER_UID and send the output of "
        "`{cli} request --profile hk1-cluster`.",
    ),
    "engine-unknown": Remark(
        "warning",
        "This is a container ({sign} shows it) of an engine that Hostseal does not know. Whether "
        "it keeps its name and its address when it is started again cannot be seen from inside.",
        "Give it a fixed name and a fixed address in its engine's own settings, and set "
        "LICENSE_PINNED_IP to that address, before you order a licence.",
    ),
    "container-as-machine": Remark(
        "warning",
        "This licence was issued when this container was still taken for a machine ({sign} shows "
        "that it is none). It stays valid; a renewal needs a new host key.",
        "Before you ask for a renewal, run `{cli} get_host_key`: it says what this container "
        "needs.",
    ),
    "container-is-shared": Remark(
        "warning",
        "Another container, with the id, name and address of this one, has used this licence: the "
        "last line for this host in {path} is that one's. It shares this container's network.",
        "A licence is for one container. Run what needs it in one of the two, or give the other "
        "a network of its own and order a licence for it.",
    ),
    "machine-id-may-change": Remark(
        "warning",
        "The host key contains the machine id in {path}, which is kept in memory, not on a disk: "
        "after the next boot it may be another one, and the licence no longer valid.",
        "Write it to the disk before you order a licence: `systemd-machine-id-setup --commit`. In "
        "a container, mount the machine's own: `-v /etc/machine-id:/etc/machine-id:ro`.",
    ),
    "machine-id-of-image": Remark(
        "warning",
        "The host key contains the machine id in {path}, which is part of the system image that "
        "this machine starts from: every machine that starts from it may have the same. An exact "
        "licence is told from theirs by name and address alone; an anchored one is not to be had.",
        "Keep /etc/machine-id on a disk of this machine before you order a licence: a file "
        "there, mounted over it with `mount --bind` at each boot, will do.",
    ),
    "network-of-another": Remark(
        "warning",
        "This container was started in the network of another one and shows no id of its own: it "
        "has the id, the name and the address of that one, and so its host key.",
        "Give it an identity of its own: run it with a network of its own, or with the option "
        "`--cgroupns host`; then run `{cli} get_host_key` again. Or order its licence with the "
        "output of `{cli} request`, not with the host key line: then it is for this container "
        "alone.",
    ),
    "conf-in-memory": Remark(
        "warning",
        "{path} is kept in memory: the licence in it is lost when the container is started again.",
        "Mount a folder of the machine there (`-v`, not `--tmpfs`), and install the licence again.",
    ),
    "network-lost": Remark(
        "warning",
        "This container has no network now, but it had one. A host key that is made now contains "
        "no address, and changes when the network is back.",
        "Connect it to its network again before you order a licence.",
    ),
    "host-drifted": Remark(
        "warning",
        "The host has changed since the licence was issued; this licence allows the change.",
        "Nothing to do. You can order a new licence with `{cli} request`.",
    ),
    "memory-missing": Remark(
        "warning",
        "There is no state file from earlier checks ({path}), "
        "so a clock that was set back would go unnoticed.",
        "Nothing to do: this check creates one.",
    ),
    "memory-invalid": Remark(
        "warning",
        "The state file ({path}) is damaged, or from another host, cluster or site; it is ignored.",
        "Nothing to do: this check adds what it sees. What others remember there is kept, unless "
        "the file is damaged.",
    ),
    "memory-unreadable": Remark(
        "warning",
        "The state file ({path}) cannot be read: {reason}; it is left as it is, "
        "and a clock that was set back would go unnoticed.",
        "Give the user who runs the check access to it.",
    ),
    "memory-off": Remark(
        "note",
        "LICENSE_STATE is `none`: nothing is remembered from one check to the next, "
        "so a clock that was set back would go unnoticed.",
        "Nothing to do, if that is meant; else set LICENSE_STATE to a folder that can be written.",
    ),
    "license-set-twice": Remark(
        "warning",
        "LICENSE_FILE and LICENSE are both set: the licence in {path} counts, and LICENSE is not "
        "read.",
        "Unset the one that is not meant.",
    ),
    "license-unread": Remark(
        "warning",
        "The installed licence ({path}) cannot be read: {reason}. If it has another profile than "
        "{profile}, this host key is not the one to renew it with.",
        "Run the command as a user who can read it.",
    ),
    "memory-not-written": Remark(
        "warning",
        "The results of this check could not be saved to {path}: {reason}.",
        "Give the user who runs the check write access to that folder.",
    ),
    "file-unwrapped": Remark(
        "note",
        "The file is not as your vendor made it: {reason}. It was taken out of that.",
        "Nothing to do.",
    ),
    "grants-less": Remark(
        "warning",
        "Licence {number} grants less than the installed {former}: {reason}.",
        "If that is not what was agreed, ask your vendor before you install it.",
    ),
    "former-again": Remark(
        "warning",
        "Licence {number} is older than the installed {former}, which was issued {issued_at}.",
        "Install it only if your vendor told you to go back.",
    ),
    "clock-leapt": Remark(
        "warning",
        "The clock says {now_at}, but the latest time that was seen here is {seen_at}: "
        "it has leapt ahead, or nothing was checked here since.",
        "If the clock is wrong, correct it (`date -u` shows it): the licence then counts "
        "as before. If it is right, there is nothing to do.",
    ),
    "trust-invalid": Remark(
        "warning",
        "The trust file ({path}) is damaged; it is ignored.",
        "Nothing to do, unless a check says that something is missing: then ask your vendor for "
        "the current keyset and run `{cli} install FILE`.",
    ),
    "revocations-of-others": Remark(
        "warning",
        "Revocation list {list_number} is a part for other licences than {number}: {path}.",
        "Ask your vendor for the list of licence {number}, then run `{cli} install FILE`.",
    ),
    "revocations-old": Remark(
        "warning",
        "Revocation list {number} is from {listed_at}; a newer one was due {ended_at}.",
        "Ask your vendor for the current list, then run `{cli} install FILE`.",
    ),
    "revocations-dropped": Remark(
        "warning",
        "This host has seen revocation list {seen_number}, but now has only list {number}.",
        "Ask your vendor for the current list, then run `{cli} install FILE`.",
    ),
    "product-unset": Remark(
        "warning",
        "{path} names no product, so a licence for any product of this vendor is accepted.",
        'Product developers: ship {path} with a line `product = "…"`.',
    ),
    # what only doctor says
    "address-pinned-by-compose": Remark(
        "note",
        "The same with Compose: define the network and the service's address, "
        "then run `{compose} up -d`.",
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
        "The same with podman instead of docker. The Compose file is the same; "
        "start it with `podman-compose up -d`.",
        "  podman network create --subnet {subnet} --gateway {subnet_gateway} "
        "--ip-range {subnet_range} licnet\n"
        "and, as options of `podman run`:\n"
        "  --network licnet --ip {subnet_ip} --hostname {hostname} "
        "--env LICENSE_PINNED_IP={subnet_ip}",
    ),
    "machine-short": Remark(
        "warning",
        "The product needs {what}: {wanted}; this machine has {present}.",
        "Use a larger machine, or ask the product's vendor what works with less.",
    ),
    "cpus-short": Remark(
        "warning",
        "The product needs {number:# CPU|# CPUs}; the container has {present}.",
        "If the container is limited: `{engine} update --cpus {number} {container}`.",
    ),
    "memory-short": Remark(
        "warning",
        "The product needs {wanted} of memory; the container has {present}.",
        "If the container is limited: "
        "`{engine} update --memory {number}g --memory-swap {number}g {container}`.",
    ),
    "gpus-not-counted": Remark(
        "warning",
        "The licence covers {licensed:# GPU|# GPUs}, but the GPUs here could not be counted, so "
        "this limit was not checked.",
        "See why: `nvidia-smi -L` should list them within seconds.",
    ),
    "gpus-short": Remark(
        "warning",
        "The product needs {number:# GPU|# GPUs}; visible here: {present}.",
        "Start the container with `--gpus {number}`; `nvidia-smi -L` on the Docker host lists "
        "them. With Compose, under the service:\n"
        "      deploy:\n"
        "        resources:\n"
        "          reservations:\n"
        "            devices:\n"
        "              - capabilities: [gpu]\n"
        "                count: {number}",
    ),
    "disk-short": Remark(
        "warning",
        "The product needs {wanted} of free disk space; {present} is free.",
        "See what uses the space: `df -h {folder}`, `{engine} system df`.",
    ),
    "port-taken": Remark(
        "warning",
        "The product needs TCP port {port}, but something is already listening on it.",
        "Find out what: `ss -ltnp 'sport = :{port}'`. If it is the product itself, all is well.",
    ),
    # notes: good to know
    "machine-id-missing": Remark(
        "note",
        "This container has no machine id. If it gets one later, as it does when dbus or systemd "
        "is installed in it, its host key changes.",
        "Create one before you order a licence: "
        "`tr -d - </proc/sys/kernel/random/uuid >/etc/machine-id`; "
        "then run `{cli} get_host_key` again.",
    ),
    "address-unconfirmed": Remark(
        "note",
        "The container is on a user-defined network; whether its address {ip} is fixed "
        "cannot be seen from inside.",
        "If it was started with `--ip {ip}`, say so: `{cli} pin {ip}`; "
        "if not, pin the address before you order a licence.",
    ),
    "site-may-fit": Remark(
        "note",
        "A site is mounted here ({path}). A licence for it is valid in every container on its "
        "machines, also after they are recreated.",
        "To order one, send the output of `{cli} request --profile hk1-site`.",
    ),
    "machine-may-fit": Remark(
        "note",
        "The Docker host's machine id is mounted here ({path}). Under profile hk1-host a container "
        "that is recreated keeps its host key if its hostname and address stay the same.",
        "If containers are recreated here, as Compose does, send the output of "
        "`{cli} request --profile hk1-host`.",
    ),
    "site-has-grown": Remark(
        "note",
        "The licence is for the first {licensed:# machine|# machines} of this site, which has "
        "{count} now. It stays valid on those.",
        "To use the others, order a licence for the whole site: send the output of "
        "`{cli} request`.",
    ),
    # details: which part of the host changed
    "ip-changed": Remark(
        "detail",
        "The address was {before} when the licence was ordered and is now {after}.",
        "The licence is valid again once this host has {before} again; or order a new one.",
    ),
    "hostname-changed": Remark(
        "detail",
        "The hostname was {before} when the licence was ordered and is now {after}.",
        "Give this host its former name again, or order a new licence.",
    ),
    "ip-differs": Remark(
        "detail",
        "The address has changed since the licence was ordered; it is now {after}.",
        "The licence is valid again once this host has its former address; or order a new one.",
    ),
    "hostname-differs": Remark(
        "detail",
        "The hostname has changed since the licence was ordered; it is now {after}.",
        "Give this host its former name again, or order a new licence.",
    ),
    "machine-id-differs": Remark(
        "detail",
        "The machine id is different: this is another machine or another image.",
        "Move the service back, or order a licence for this host.",
    ),
    "container-id-differs": Remark(
        "detail",
        "The container id is different: this is not the licensed container.",
        "Start the licensed container again (`docker ps --all` or `podman ps --all` lists all "
        "containers), or order a licence for this one.",
    ),
    "cluster-uid-differs": Remark(
        "detail",
        "This is another cluster: the UID that is handed in here is {after}.",
        "Run the product in the licensed cluster. If this is the one, correct LICENSE_CLUSTER_UID: "
        "`kubectl get namespace kube-system --no-headers --output "
        "custom-columns=:.metadata.uid` prints the UID. Else order a licence for this cluster.",
    ),
    "site-differs": Remark(
        "detail",
        "This is another site: its identity is not the licensed one.",
        "Name the folder of the licensed site in LICENSE_SITE. If `site init` was run anew, put "
        "the former license.site back; or order a licence for this site.",
    ),
    "roster-differs": Remark(
        "detail",
        "This is the licensed site, but its roster has other machines than the licence is for, or "
        "fewer.",
        "Copy license.site from where the licence was ordered; or order a licence for this roster.",
    ),
    "machine-added-later": Remark(
        "detail",
        "This machine was added to the site after the licence was ordered, which is for the first "
        "{licensed:# machine|# machines}.",
        "Order a licence for the site as it is now. It takes the place of the present one on all "
        "machines of the site.",
    ),
    "layer-differs": Remark(
        "detail",
        "This is not the licensed container, but one that shares its network, and so its id, "
        "name, address and host key.",
        "Start the product in the licensed container, or order a licence for this one.",
    ),
    "address-not-used": Remark(
        "detail",
        "This host still has {before} on {device}; its default route now goes by {by} ({after}).",
        "The licence is valid again once the default route goes by {device}; or order a new one.",
    ),
    "address-left-out": Remark(
        "detail",
        "This host still has {before} on {device}, but has no default route; {after} on {by} "
        "counts now.",
        "If {device} is down (`ip -brief link` shows it), bring it up, and let the default route "
        "go by it; or order a new licence.",
    ),
    "profile-differs": Remark(
        "detail",
        "The host is the licensed one, but under profile {profile}: the licence names another.",
        "Ask your vendor to issue it again for the line that `{cli} get_host_key --profile "
        "{profile}` prints, or with `--profile {profile}`.",
    ),
    "change-unknown": Remark(
        "detail",
        "Cannot tell what changed: {reason}.",
        "A licence ordered with the whole request, not only the host key line, can tell.",
    ),
}
