"""What to do about a host that changed or may change, for the host at hand: plain data.

Where the remedy of a problem or a notice depends on what the host is, ``advice.py`` names some of
these in its place. They are written and filled in as the tables of problems.py and notices.py are.
A line that begins with two spaces is to be pasted; each does what its text says, or nothing.
"""

from __future__ import annotations

_NETWORK = (
    "$({engine} container inspect --format '{{{{range $name, $of := .NetworkSettings.Networks}}}}"
    '{{{{if eq $of.IPAddress "{after}"}}}}{{{{$name}}}}{{{{end}}}}{{{{end}}}}\' {container})'
)
"""The name of the network in which a container has the address ``after``."""
_NETWORK_EITHER = _NETWORK.replace('"{after}"', '"{after}" "{before}"')
"""The same of one that may have ``before`` again already."""

_OR_ANY_ADDRESS = (
    '|| {{ {engine} network disconnect "$N" {container} 2>/dev/null; '
    '{engine} network connect "$N" {container}; }}'
)
"""After a refused address: podman keeps the container as connected to the network all the same."""

REMEDIES: dict[str, str] = {
    # no licence
    "given-back": (
        "Licence {number} was given back here {returned_at}; `{cli} return` prints the text for "
        "your vendor again. To use the product here again, order a new licence: send the output "
        "of `{cli} request`."
    ),
    # a host that has no key
    "in-container": (
        "Bind the machine's own id into the container: start it with "
        "`-v /etc/machine-id:/etc/machine-id:ro`, with systemd-nspawn "
        "`--bind-ro=/etc/machine-id`, with Apptainer `--bind /etc/machine-id:/etc/machine-id:ro`, "
        "with ctr `--mount "
        "type=bind,src=/etc/machine-id,dst=/etc/machine-id,options=rbind:ro`, with LXC "
        "`lxc.mount.entry = /etc/machine-id etc/machine-id none bind,ro,create=file 0 0`."
    ),
    "not-contained": (
        "If this is no container but a machine, somebody has started this program in namespaces of "
        "its own: run it without `unshare`, and a service of systemd without `PrivatePIDs=` or "
        "with `BindReadOnlyPaths=/etc/machine-id`."
    ),
    "own-machine-id": (
        "Keep /etc/machine-id on a disk of this machine: a file there, mounted over it with "
        "`mount --bind` at each boot, will do."
    ),
    "pod-in-cluster": (
        "Order a licence for the cluster: hand in the UID of its namespace kube-system as "
        "LICENSE_CLUSTER_UID and send the output of `{cli} request --profile hk1-cluster`."
    ),
    "cluster-fits": (
        "Order a licence for the cluster, whose UID is handed in here: send the output of "
        "`{cli} request --profile hk1-cluster`."
    ),
    # an address that nobody else gets
    "pin-ignored": (
        "LICENSE_PINNED_IP pins nothing on Docker's default network, and `--ip` is ignored there."
    ),
    "pin-here": (
        "Pin the address before you order a licence: give the container one of its own. On the "
        "machine that runs it:\n"
        "  {engine} network inspect licnet >/dev/null 2>&1 || {engine} network create "
        "--subnet {subnet} --gateway {subnet_gateway} --ip-range {subnet_range} licnet\n"
        "  {engine} network connect --ip {subnet_ip} licnet {container} && "
        "{engine} network disconnect {bridge} {container}\n"
        "The first line creates the network unless it exists. If the second is refused, take back "
        "what it began (`{engine} network disconnect licnet {container}`) and run it again with a "
        "free address (`{engine} network inspect licnet` shows the subnet). Then, in the "
        "container:\n"
        "  {cli} pin {subnet_ip}\n"
        "  {cli} get_host_key\n"
        "The host key will be different, and a licence for the present one no longer valid."
    ),
    "pin-new": (
        "A new container gets the same address by these options of `{engine} run`:\n"
        "  --network licnet --ip {subnet_ip} {named}{gpus}--env LICENSE_PINNED_IP={subnet_ip}"
    ),
    "leave-default": (
        "This container has {beside} on {beside_device} too. Let it leave the engine's default "
        "network before you order a licence, on the machine that runs it:\n"
        "  {engine} network disconnect {bridge} {container}\n"
        "Then, in the container, if it was given {beside} with `--ip`:\n"
        "  {cli} pin {beside}\n"
        "  {cli} get_host_key\n"
        "The host key will be different, and a licence for the present one no longer valid."
    ),
    "pin-there": (
        "If the container was started with `--ip {ip}`, say so: `{cli} pin {ip}`. If not, give it "
        "an address of its own before you order a licence. On the machine that runs it, where its "
        "network was created with `--subnet`:\n"
        f"  N={_NETWORK}\n"
        '  {engine} network disconnect "$N" {container} && {{ {engine} network connect '
        f'--ip {{other_ip}} "$N" {{container}} {_OR_ANY_ADDRESS}; }}}}\n'
        "Then, in the container:\n"
        "  {cli} pin {other_ip}\n"
        "  {cli} get_host_key\n"
        "The host key will be different, and a licence for the present one no longer valid. With "
        "Compose, set the address in the file instead (`{cli} doctor` shows how)."
    ),
    # what holds now, and a licence is for
    "pin-later": (
        "Nothing to do now: the licence is for the present address. Pin it before you order the "
        "next one: `{cli} doctor` shows how."
    ),
    "confirm-or-pin-later": (
        "If the container was started with `--ip {ip}`, say so: `{cli} pin {ip}`. If not, pin the "
        "address before you order the next licence: `{cli} doctor` shows how."
    ),
    "reserve-later": (
        "The licence is for {ip}: have the server reserve it for this host, or give it to {device} "
        "for good; then set LICENSE_PINNED_IP={ip}, and nothing more is said."
    ),
    "mirror-later": (
        "Nothing to do now: the licence is for the present address. If Windows changes it, ask "
        "your vendor for a licence with binding `anchored`: send the output of `{cli} request`."
    ),
    # an address that was lost
    "take-back": (
        "On the machine that runs the container, these lines name its network, show who has which "
        "address there, and give it {before} again where that is free:\n"
        f'  N={_NETWORK_EITHER}; echo "$N"\n'
        "  {engine} container inspect --format '{{{{.Name}}}} {{{{range .NetworkSettings.Networks}}"
        '}}{{{{.IPAddress}}}} {{{{end}}}}\' $({engine} ps --quiet --filter network="$N")\n'
        '  {engine} network disconnect "$N" {container} && {{ {engine} network connect '
        f'--ip {{before}} "$N" {{container}} {_OR_ANY_ADDRESS}; }}}}\n'
        "If another container has {before}, first give that one another address, or stop it if you "
        "can spare it. With Compose, set the address in the file instead (`{cli} doctor` shows "
        "how)."
    ),
    "lost-on-default": (
        "Docker's default network gives each address to whoever starts first, so it cannot give "
        "the former one back for certain."
    ),
    "address-back": (
        "Is the network up? `ip -brief address` shows the addresses of this machine. Give it "
        "{before} again in its network settings, or order a new licence."
    ),
    "former-address-back": (
        "Is the network up? `ip -brief address` shows the addresses of this machine. Give it its "
        "former address again in its network settings, or order a new licence."
    ),
    "address-back-in-engine": (
        "Give the container its former address again in its engine's own settings, or order a new "
        "licence."
    ),
    "network-down": (
        "This machine has no address now. Is the network up? `ip -brief address` shows the "
        "addresses. While a machine boots, the check can wait for the network: "
        "`{cli} verify --wait-network 30`."
    ),
    "network-gone": (
        "This container has no network now. Connect it again on the machine that runs it: "
        "`{engine} network ls` lists the networks, `{engine} network connect` takes the name of "
        "one and {container}."
    ),
    "restart-guest": (
        "The container whose network this one shares was restarted. Restart this one too, on the "
        "machine that runs it:\n"
        "  {engine} restart {own}"
    ),
    "pod-address": (
        "A pod gets another address whenever it is recreated. Ask for a licence for the cluster: "
        "hand in the UID of its namespace kube-system as LICENSE_CLUSTER_UID and send the output "
        "of `{cli} request --profile hk1-cluster`."
    ),
    # an address that is there, and not used
    "second-network": (
        "Disconnect the network of {by}, on the machine that runs the container; the licence is "
        "then valid again:\n"
        f'  {{engine}} network disconnect "{_NETWORK}" {{container}}'
    ),
    "default-route": (
        "Let the default route go by {device} again: `ip route show default` lists the routes; in "
        "the network settings, give that of {by} a higher metric. Or order a new licence."
    ),
    # the other parts
    "set-hostname": (
        "Give the machine its former name again, or order a new licence:\n"
        "  hostnamectl set-hostname {name}"
    ),
    "set-former-hostname": (
        "Give the machine its former name again (`hostnamectl set-hostname`), or order a new "
        "licence."
    ),
    "restart-for-hostname": (
        "The container was renamed from inside. It gets its own name again when it is restarted, "
        "on the machine that runs it:\n"
        "  {engine} restart {own}"
    ),
    "run-with-hostname": (
        "Start the container with `--hostname {name}` again, or order a new licence."
    ),
    "start-licensed": (
        "If the licensed container still exists, start it again, on the machine that runs it:\n"
        "  {engine} start {licensed}\n"
        "If not, order a licence for this one."
    ),
    # an address that was declared
    "pinned-back": (
        "Is the network up? `ip -brief address` shows the addresses of this machine. Give it "
        "{pinned} in its network settings, or correct what is declared, in LICENSE_PINNED_IP or "
        "conf/license.pin."
    ),
    "pinned-correct": (
        "Or declare the present address: `{cli} pin {ip}`; where LICENSE_PINNED_IP is set, there."
    ),
    # files
    "broken-link": (
        "`ls -l {path}` shows what it points to: put that back, or remove the link "
        "(`unlink {path}`), then run the same command again."
    ),
    "one-file-apart": (
        "Move {path} into the product's folder, beside its `keys`, or name both folders: "
        "`{cli} --conf DIR --keys DIR`, or in LICENSE_CONF and LICENSE_KEYS."
    ),
    "one-file-without-keys": (
        "Beside {path} there is a `conf`, but no `keys`: copy the product's `keys` there, or name "
        "both folders: `{cli} --conf DIR --keys DIR`, or in LICENSE_CONF and LICENSE_KEYS."
    ),
    "get-the-file": (
        "This client fetches nothing from a network. Get the file some other way, then run "
        "`{cli} install FILE`."
    ),
    "send-the-request": (
        "Send this file to your vendor, and install the one that you get back: "
        "`{cli} install FILE`."
    ),
    "send-the-return": (
        "Send this file to your vendor. To use the product here again, order a new licence: send "
        "the output of `{cli} request`."
    ),
    "install-takes-it-out": (
        "Run `{cli} install FILE` with this very file, also where it stands in the licence's place."
    ),
    "unpack-zip": (
        "Unpack it: `unzip FILE`, or `python3 -m zipfile -e FILE .`; out of an Office document, "
        "save what is attached to it. Then run `{cli} install FILE` with the one file that your "
        "vendor put in it."
    ),
    "unpack": (
        "Unpack it: `{do}`. Then run `{cli} install FILE` with the one file that your vendor put "
        "in it."
    ),
    "copy-its-text": (
        "Open it, copy its text from the BEGIN LICENSE line to the last END LICENSE line into a "
        "plain text file, and run `{cli} install FILE` with that."
    ),
    "save-what-is-attached": (
        "Open it with its own program and save what is attached to it, then run "
        "`{cli} install FILE` with that."
    ),
    "ask-for-the-file": (
        "Nobody has to type a licence: ask your vendor to send the file itself as an attachment, "
        "then run `{cli} install FILE`."
    ),
    "copy-the-whole-file": (
        "Where only a part of a licence file was copied, copy the whole file, then run "
        "`{cli} install FILE`."
    ),
    "install-a-licence-first": (
        "Install a licence on this host first, then run `{cli} install FILE` with this file again."
    ),
    "ask-for-own-list": (
        "Ask your vendor for the revocation list of licence {number}, then run "
        "`{cli} install FILE`. If this file came with a new licence, install that one first."
    ),
    "install-beside": (
        "A file without a licence takes no licence's place: `{cli} install FILE` puts what is in "
        "it beside the licence. Install the licence again, where this file was copied over it."
    ),
    "put-among-keys": (
        "Run `{cli} install FILE` with the licence file, not with the key. Only a key that "
        "belongs to the product is to be copied into the keys folder."
    ),
    "download-the-file": (
        "Sign in on that page, save the file itself and not the page, then run "
        "`{cli} install FILE`."
    ),
    "may-not-enter": (
        "This user may not enter {folder} (`ls -ld {folder}`). Run the command as its owner, or "
        "have the owner give this user access."
    ),
    "run-as-owner": (
        "Run the command as {owner}, such as `sudo -E -u {owner} {server} check`. If {user} is to "
        "run the server, give it the folder, as root: `chown -R {user} {folder}`."
    ),
    "read-only": (
        "{mount} is mounted read-only. Give the container a folder there that it can write, with "
        "what is in {folder} now: `docker cp CONTAINER:{folder}/. HOST_FOLDER`, then `docker run "
        "-v HOST_FOLDER:{folder} …`, without `:ro` (not `--tmpfs`, which would hide the licence). "
        "On a machine: `mount -o remount,rw {mount}`."
    ),
    "read-only-elsewhere": (
        "{mount} is mounted read-only. Name a file in a folder that can be written, such as /tmp; "
        "a container that is read-only has one with `--tmpfs /tmp`."
    ),
    "quota-used-up": (
        "A quota is used up: `quota -s` shows it, where that is installed. Remove files that are "
        "not needed, or have it raised; then run the same command again."
    ),
    "folder-in-the-way": (
        "Docker creates a folder where the file that `-v` names does not exist. Remove it "
        "(`rmdir {path}`) or move it away, then run the same command again."
    ),
    "file-in-the-way": (
        "{file} is a file. Move it away, then create the folder: `mkdir -p {folder}`."
    ),
    "settings-hidden": (
        "A folder is mounted over {conf}, and hides the file of the image. Copy it there, on the "
        "machine that runs the container:\n"
        "  I=$({engine} create \"$({engine} container inspect --format '{{{{.Image}}}}' {own})\")\n"
        '  {engine} cp "$I:{conf}/hostseal.toml" "$({engine} container inspect --format '
        '\'{{{{range .Mounts}}}}{{{{if eq .Destination "{conf}"}}}}{{{{.Source}}}}{{{{end}}}}'
        "{{{{end}}}}' {own})/\"\n"
        '  {engine} rm "$I"\n'
        'If the image has none, its developers ship one with a line `product = "…"`.'
    ),
    "folder-of-docker": (
        "Docker creates a folder where the file that `-v` names does not exist. Remove it on the "
        "machine that runs the container (`rmdir`, for it is empty), put the file in its place, "
        "or mount the folder that holds it; then start the container again."
    ),
    # a licence that is not in conf/
    "missing-where-named": (
        "LICENSE_FILE names that file. If you have the licence, run `{cli} install FILE`, which "
        "writes it there, or mount it there; in Kubernetes, a Secret as a folder, of which "
        "LICENSE_FILE names the file."
    ),
    "names-a-folder": (
        "LICENSE_FILE names a file, not a folder: `ls -la {path}` shows what is in it. Set "
        "LICENSE_FILE to the licence in it, such as {path}/license.dat."
    ),
    "from-the-root": (
        "{variable} names a path from / on, since nothing is taken from the folder in which a "
        "command is called: write it in full there."
    ),
    "no-licence-in-variable": (
        "The licence is taken from the variable LICENSE. Set it to the whole text of the file, or "
        "to base64 of it (`base64 -w0 license.dat`); where LICENSE is meant for another program, "
        "set LICENSE_FILE: then it alone counts here."
    ),
    "wait-for-licence": ("Ask your vendor, or wait for it: `{cli} install URL --wait SECONDS`."),
    "ask-the-vendor": "Ask your vendor why.",
    "ask-again": "Send a new one: `{cli} request --submit URL`.",
    "name-the-ca": (
        "If your vendor or your proxy has a CA of its own, name its file: `--ca FILE`, or "
        "SSL_CERT_FILE."
    ),
    "unset-to-return": (
        "Unset LICENSE where the container or service is started. To give the licence back with "
        "evidence, put it in a file there: `{cli} install FILE`, then `{cli} return`."
    ),
    "secret-to-return": (
        "Remove the licence from the Secret where kubectl is, and tell your vendor. Or give it "
        "back from a copy: `cp {folder}/{name} /tmp/{name}`, then "
        "`LICENSE_FILE=/tmp/{name} {cli} return`, and remove it from the Secret."
    ),
    "set-in-environment": (
        "Where the container or service is started, set LICENSE to the new licence "
        "(`base64 -w0 FILE` prints it on one line). Or unset LICENSE there, then run "
        "`{cli} install FILE` again."
    ),
    "kept-by-kubernetes": (
        "Kubernetes keeps {folder}, and would undo what is written there. Change the Secret "
        "instead; the new licence counts as soon as it arrives, within some two minutes. Where "
        "kubectl is:\n"
        "  kubectl create secret generic NAME --from-file={name}=FILE --dry-run=client -o yaml | "
        "kubectl apply -f -"
    ),
    "read-only-source": (
        "{mount} is mounted read-only, so put the new licence in place where it is mounted from: "
        "`cp FILE HOST_FOLDER/{name}.new && mv HOST_FOLDER/{name}.new HOST_FOLDER/{name}`. It "
        "counts as soon as it is there; nothing has to be started again."
    ),
    "state-elsewhere": (
        "Or set LICENSE_STATE to a folder that can be written and outlasts a restart, such as a "
        "volume; or to `none`, where nothing is to be remembered: then a clock that was set back "
        "goes unnoticed, and nothing more is said."
    ),
    # GPUs, where the engine has no `--gpus`
    "fewer-gpus": (
        "Ask your vendor for a licence for {present:# GPU|# GPUs}: send the output of "
        "`{cli} request`; or let the product see no more than {licensed:# GPU|# GPUs}."
    ),
    "gpus-of-engine": (
        "The machine has them: give them to the container in its engine's own settings."
    ),
    "no-driver": (
        "No NVIDIA driver is loaded on this machine: with it, `nvidia-smi -L` there lists the "
        "GPUs. Install it, or use a machine that has GPUs."
    ),
    "gpus-of-podman": (
        "Start the container with `--device nvidia.com/gpu=all` (`nvidia-ctk cdi generate` makes "
        "that name known to podman); `nvidia-smi -L` on the machine lists the GPUs."
    ),
    # a telephone code that was misheard
    "read-groups-again": (
        "Ask the operator to read again what is wrong, and mend it here. "
        "`{cli} get_host_key --phone` prints the code, four groups a line."
    ),
}
