"""Options as data, which two readers of a command line go by: ``plain_line`` and click."""

from __future__ import annotations

from license_cli.language import LANGUAGES
from license_core.hostkey import PROFILES
from license_core.record import NamedTuple


class Option(NamedTuple):
    """An option of a command. One without a *metavar* and without *choices* is a flag."""

    names: tuple[str, ...]
    """As they are typed."""
    into: str
    """The parameter that it fills."""
    help: str
    metavar: str | None = None
    """What its value is called."""
    most: int | None = None
    """Of a whole number from 0 on; None: the value is a text."""
    choices: tuple[str, ...] = ()
    is_many: bool = False
    """Whether it may be repeated, and its values are a tuple."""
    usual: object = None
    """The value where it is not given."""

    @property
    def is_flag(self) -> bool:
        """Whether it has no value."""
        return self.metavar is None and not self.choices


CONF = Option(("--conf",), "conf", "Folder of license.dat [LICENSE_CONF].", "DIR")
KEYS = Option(("--keys",), "keys", "Folder of trusted root keys [LICENSE_KEYS].", "DIR")
ROOT = Option(
    ("--root",), "root", "Root folder of the host to check [default: /].", "DIR", usual="/"
)
JSON = Option(("--json",), "as_json", "Print one JSON object.")
LANG = Option(
    ("--lang",), "lang", "Output language [LC_ALL, LC_MESSAGES, LANG].", choices=LANGUAGES
)
COMMON = (CONF, KEYS, ROOT, JSON, LANG)
"""Those of every command."""

PROFILE = Option(
    ("--profile",),
    "profile",
    "What the host key is made of. hk1: hostname, address, machine id and container id; one "
    "key per container. hk1-host: no container id, for containers that are recreated; needs the "
    "Docker host's /etc/machine-id, mounted. hk1-cluster: the pods of one Kubernetes cluster; "
    "needs LICENSE_CLUSTER_UID. hk1-site: the machines of one site; needs LICENSE_SITE. "
    "[default: that of the installed licence, else hk1]",
    choices=tuple(PROFILES),
)

CODE = (
    Option(("--qr",), "qr", "Show a QR code in the terminal, for a camera."),
    Option(
        ("--inverse",), "inverse", "With --qr: for a terminal with dark text on a light background."
    ),
    Option(("--to",), "to", "With --qr: let it open the vendor's form at URL, filled in.", "URL"),
)
"""Those of what is shown as a QR code."""

NETWORK = (
    Option(
        ("--token-file",),
        "token_file",
        "For a URL: file with the API token, or with the link to the portal; - for standard input "
        "[LICENSE_TOKEN].",
        "FILE",
    ),
    Option(
        ("--ca",),
        "ca",
        "For a portal: file of the CA that its certificate is of [SSL_CERT_FILE].",
        "FILE",
    ),
    Option(
        ("--insecure-http",), "insecure_http", "For a portal: send the link unencrypted, over HTTP."
    ),
)
"""Those of how a server is reached."""
