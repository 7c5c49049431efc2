"""The rows of problems.py about the host: what makes it another one, or none that can be licensed.

Plain data; the rules are those of problems.py.
"""

from __future__ import annotations

from license_core.problem import Problem

_ASK_AGAIN = (
    "Send the output of `{cli} request` to your vendor and ask for a licence for this host."
)

HOST_PROBLEMS: dict[str, Problem] = {
    "WrongHostError": Problem(
        "wrong-host",
        30,
        "The licence is for another host",
        "The licence is for host {licensed_key} ({licensed_name}); "
        "this host is {host_key} ({hostname}).",
        _ASK_AGAIN,
    ),
    "WrongProductError": Problem(
        "wrong-product",
        31,
        "The licence is for another product",
        "The licence is for product {licensed}; this is {product}.",
        "Install the licence for {product}, or ask your vendor for one.",
    ),
    "HostUnidentifiableError": Problem(
        "host-unidentifiable",
        32,
        "This host cannot be identified",
        "{why}, so no licence can be bound to this host.",
        "On a machine: `systemd-machine-id-setup`. In a container: start it with "
        "`-v /etc/machine-id:/etc/machine-id:ro`.",
    ),
    "MachineIdNotBoundError": Problem(
        "host-machine-id-not-bound",
        33,
        "The Docker host's machine id is not mounted",
        "Profile {profile} needs the machine id of the Docker host; under {root} there is {found}.",
        "Start the container with `-v /etc/machine-id:/etc/machine-id:ro`. A licence that is not "
        "ordered yet can be one of profile hk1, which does without.",
    ),
    "HostClusterUnknownError": Problem(
        "host-cluster-unknown",
        48,
        "The cluster is not known",
        "Profile hk1-cluster needs the UID of the cluster: {why}.",
        "Give the pod the UID of the namespace kube-system, which this prints:\n"
        "  kubectl get namespace kube-system --no-headers --output custom-columns=:.metadata.uid\n"
        "Set LICENSE_CLUSTER_UID to it in the pod's `env`, or to the path of a file that has it, "
        "such as one that an init container writes.",
    ),
    "HostSiteUnknownError": Problem(
        "host-site-unknown",
        49,
        "There is no site",
        "Profile hk1-site needs a site: {why}.",
        "Mount the folder of the site and name it: `-v /srv/hostseal-site:/site:ro "
        "--env LICENSE_SITE=/site`. If there is no site yet, mount it once without `:ro` and run "
        "`{cli} site init`.",
    ),
    "HostNotInSiteError": Problem(
        "host-not-in-site",
        53,
        "This machine does not belong to the site",
        "This machine is none of the {count:# machine|# machines} of the site in {path}. A copy of "
        "a site's folder does not make a machine part of it.",
        "Run the product on a machine of the site. If this one is to belong to it, add it with "
        "`{cli} site add` and order a licence for it: send the output of "
        "`{cli} request --profile hk1-site`.",
    ),
    "SiteExistsError": Problem(
        "site-exists",
        54,
        "There is a site already",
        "{path} is there already; a site is drawn once.",
        "Add this machine to it: `{cli} site add`. Another site needs a folder of its own.",
    ),
    "PinnedAddressDiffersError": Problem(
        "pinned-address-differs",
        34,
        "The host does not have its pinned address",
        "The declared address (LICENSE_PINNED_IP, or `pin`) is {pinned}, but this host's address "
        "is {ip}.",
        "Give this host the address {pinned} again, or correct what is declared.",
    ),
    "PinnedAddressInvalidError": Problem(
        "pinned-address-invalid",
        46,
        "The pinned address is not an address",
        "The declared address (LICENSE_PINNED_IP, or `pin`) is `{pinned}`, which is not an IP "
        "address.",
        "Correct it (an IPv4 address such as 172.30.0.10, or an IPv6 address), or declare none: "
        "unset LICENSE_PINNED_IP, or remove conf/license.pin.",
    ),
    "GpusNotLicensedError": Problem(
        "gpus-not-licensed",
        35,
        "The host has more GPUs than the licence covers",
        "The licence covers {licensed:# GPU|# GPUs}; {present:# is|# are} visible here.",
        "Start the container with `--gpus {licensed}`, or ask your vendor for a licence "
        "for {present:# GPU|# GPUs}: send the output of `{cli} request`.",
    ),
    "FeatureNotLicensedError": Problem(
        "feature-not-licensed",
        36,
        "The licence does not include this feature",
        "Licence {number} does not include the feature {feature}. It includes: {licensed}.",
        "Ask your vendor for a licence that includes it: send the output of `{cli} request`.",
    ),
}
