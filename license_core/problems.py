"""THE table: what can be wrong, its stable name, exit code and words.

Plain data. ``PROBLEMS`` maps the name of an error class of errors.py to its row; an error of the
server declares a row of its own. Slugs and exit codes never change meaning (SPEC section 9); a
retired one is never used again. HTTP status is on the server's side (http/problem_types.py).

Sentences and remedies are ``str.format`` templates over the facts of the error, so that a
translation needs nothing but another template. Facts whose name ends in ``_at`` are instants and
are written as UTC times. ``{cli}`` is how the operator calls the client,
``{server}`` how the vendor calls the server.
"""

from typing import NamedTuple


class Problem(NamedTuple):
    """One row: a refusal, as a shell and a person meet it."""

    slug: str
    exit_code: int
    title: str
    sentence: str
    remedy: str


_ASK_AGAIN = (
    "Send the output of `{cli} request` to your vendor and ask for a licence for this host."
)
_MAIL_AGAIN = (
    "Ask your vendor to send the file again, as an attachment, and run `{cli} install FILE`."
)

PROBLEMS: dict[str, Problem] = {
    # 1-9: the program itself
    "InternalError": Problem(
        "internal-error",
        1,
        "Something went wrong inside Hostseal",
        "Hostseal met a case that it does not know: {reason}.",
        "This is a defect of Hostseal, not of your licence. Send this line to your vendor.",
    ),
    "UsageError": Problem(
        "usage",
        2,
        "The command or request was not understood",
        "{reason}",
        "Run `{cli} {help}` to see what it takes.",
    ),
    "DependencyMissingError": Problem(
        "dependency-missing",
        3,
        "A part of the installation is missing",
        "This Python ({python}) lacks {package}.",
        "Start the command with the Python of the product's environment (for start.sh: "
        "`LICENSE_PYTHON`). If there is none, make one where Hostseal's folder `requirements` is: "
        "`python3 -m venv .venv && .venv/bin/pip install --require-hashes "
        "-r requirements/client.txt`. Without internet: on a machine that has it, and the same "
        "Python, `pip download --require-hashes -d wheels -r requirements/client.txt`; copy "
        "`wheels` here, and add `--no-index --find-links wheels` to the install.",
    ),
    # 10-19: the files
    "LicenseMissingError": Problem(
        "license-missing",
        10,
        "There is no licence file",
        "There is no licence at {path}.",
        "If you have the file, run `{cli} install FILE`. If not: "
        "send the output of `{cli} request` to your vendor, or its short form, "
        "`{cli} get_host_key`.",
    ),
    "FileUnreadableError": Problem(
        "file-unreadable",
        11,
        "A file cannot be read",
        "{path} cannot be read: {reason}.",
        "Look at it with `ls -ld {path}`; it must be a plain file that this user may read.",
    ),
    "FileTooLargeError": Problem(
        "file-too-large",
        12,
        "The file is too large to be a licence",
        "{path} holds {size} bytes; a licence has at most {cap}.",
        "Copy only the part from the BEGIN LICENSE line to the last END LICENSE line "
        "into a file of its own.",
    ),
    "LicenseBlockMissingError": Problem(
        "license-block-missing",
        13,
        "The file holds no licence",
        "No line `-----BEGIN LICENSE-----` was found in the {size} bytes of the file: {found}.",
        "Check that this is the file your vendor sent, and that it was saved whole. " + _MAIL_AGAIN,
    ),
    "LicenseDamagedError": Problem(
        "license-damaged",
        14,
        "The licence was damaged on its way",
        "The text of the licence is not whole: {reason}.",
        _MAIL_AGAIN,
    ),
    "SeveralLicensesError": Problem(
        "license-several",
        15,
        "The file holds more than one licence",
        "The file holds {count} licences, and which one is meant cannot be guessed.",
        "Keep one block, from its BEGIN LICENSE line to its END lines, and remove the others.",
    ),
    "LicenseClaimsInvalidError": Problem(
        "license-claims-invalid",
        16,
        "The licence says something that makes no sense",
        "The licence is signed, but its claim `{claim}` is not valid: {reason}.",
        "Ask your vendor for a corrected licence; name this message.",
    ),
    "LicenseUnsupportedError": Problem(
        "license-unsupported",
        17,
        "The licence needs a newer client",
        "The licence demands {what}, which this version of the client does not know.",
        "Update the product, or ask your vendor for a licence that this version understands.",
    ),
    "SettingsInvalidError": Problem(
        "settings-invalid",
        18,
        "The settings of the product are not valid",
        "{path} is not valid: {reason}.",
        "Restore {path} from the product's image.",
    ),
    "RevocationsInvalidError": Problem(
        "revocations-invalid",
        19,
        "The revocation list is not valid",
        "The revocation list in {path} cannot be used: {reason}.",
        "Ask your vendor to send it again, and replace {path}.",
    ),
    # 20-29: trust
    "TrustedKeyMissingError": Problem(
        "trusted-key-missing",
        20,
        "There is no trusted key",
        "There is no `*.pub.pem` in {path}, so nothing can be verified.",
        "Put the vendor's root.pub.pem there, or name its folder: `{cli} --keys DIR verify`.",
    ),
    "TrustedKeyInvalidError": Problem(
        "trusted-key-invalid",
        21,
        "A trusted key cannot be used",
        "{path} is not a usable Ed25519 public key: {reason}.",
        "Restore {path} from the product's image.",
    ),
    "KeysetMissingError": Problem(
        "keyset-missing",
        22,
        "The file lacks the vendor's keyset",
        "The file has a licence, but no `LICENSE KEYSET` block after it.",
        "Probably only the first block was copied; copy the whole file. " + _MAIL_AGAIN,
    ),
    "KeysetUntrustedError": Problem(
        "keyset-untrusted",
        23,
        "The licence comes from a vendor that this product does not trust",
        "The keyset in the file counts for nothing: {reason} (trusted here: {trusted}).",
        "Check that the file comes from this product's vendor. If it does, "
        "it was damaged on its way, or {keys} is not the folder of keys that the vendor shipped, "
        "or the vendor has new root keys: then ask for the file that leads to them.",
    ),
    "KeysetInvalidError": Problem(
        "keyset-invalid",
        24,
        "The vendor's keyset makes no sense",
        "The keyset in the file cannot be used: {reason}.",
        "Ask your vendor to send the licence again; name this message.",
    ),
    "KeysetExpiredError": Problem(
        "keyset-expired",
        25,
        "The vendor's keyset had ended",
        "Keyset {version} ended {ended_at}, before the licence was issued ({issued_at}).",
        "Ask your vendor for a licence made with the present keyset.",
    ),
    "SigningKeyUnknownError": Problem(
        "signing-key-unknown",
        26,
        "The licence is signed with an unknown key",
        "The header of the licence is none that a key of keyset {version} would have made.",
        "The licence and the keyset in the file do not belong together, "
        "or the file was altered. " + _MAIL_AGAIN,
    ),
    "SignatureInvalidError": Problem(
        "signature-invalid",
        27,
        "The signature does not match",
        "The licence was altered after it was signed, or damaged on its way.",
        _MAIL_AGAIN,
    ),
    "SigningKeyRevokedError": Problem(
        "signing-key-revoked",
        28,
        "The key that signed the licence was withdrawn",
        "The vendor has withdrawn signing key {kid} (keyset {version}).",
        "Ask your vendor to issue this licence again with a present key.",
    ),
    "SigningKeyNotAllowedError": Problem(
        "signing-key-not-allowed",
        29,
        "The key was not allowed to sign this licence",
        "Signing key {kid} may not sign this licence: {reason}.",
        "Ask your vendor to issue this licence again with the right key.",
    ),
    # 30-39: this host
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
        "This host cannot be told from others",
        "Neither a machine id nor a container id can be read under {root}, "
        "so a licence could not be bound to this host.",
        "On a machine: `systemd-machine-id-setup`. In a container: start it with "
        "`-v /etc/machine-id:/etc/machine-id:ro`.",
    ),
    "MachineIdNotBoundError": Problem(
        "host-machine-id-not-bound",
        33,
        "The machine id is not the host's",
        "Profile hk1-host needs the host's own machine id, but {root} has {found}.",
        "Start the container with `-v /etc/machine-id:/etc/machine-id:ro`, or use the profile hk1.",
    ),
    "PinnedAddressDiffersError": Problem(
        "pinned-address-differs",
        34,
        "The address is not the pinned one",
        "LICENSE_PINNED_IP says {pinned}, but this host's address is {ip}.",
        "Give the container that address: `{engine} network disconnect NETWORK {container}` for "
        "the network that it is on, then `{engine} network connect --ip {pinned} NETWORK "
        "{container}` for your own; or correct LICENSE_PINNED_IP. (`--ip` without a network of "
        "your own made with `--subnet` has no effect.)",
    ),
    "GpusNotLicensedError": Problem(
        "gpus-not-licensed",
        35,
        "The host has more GPUs than are licensed",
        "The licence covers {licensed} GPUs; {present} are visible here.",
        "Start the container with `--gpus {licensed}`, or ask your vendor for a licence "
        "for {present}: send the output of `{cli} request`.",
    ),
    "FeatureNotLicensedError": Problem(
        "feature-not-licensed",
        36,
        "The licence does not include this feature",
        "Licence {number} does not include the feature {feature}. It includes: {licensed}.",
        "Ask your vendor for a licence that includes it: send the output of `{cli} request`.",
    ),
    # … and trust, where 20-29 are taken
    "KeysetRolledBackError": Problem(
        "keyset-rolled-back",
        37,
        "The vendor's keyset is older than one that was seen here",
        "The newest keyset here is {version} (roots {roots}); "
        "this host has already seen {seen_version} (roots {seen_roots}).",
        "Install the later licence again, or ask your vendor for the present keyset, "
        "and run `{cli} install FILE`.",
    ),
    "RootsInvalidError": Problem(
        "roots-invalid",
        38,
        "The vendor's root keys make no sense",
        "A `LICENSE ROOTS` block is signed by trusted root keys, but cannot be used: {reason}.",
        "Ask your vendor for a corrected file; name this message.",
    ),
    "RootsSkippedError": Problem(
        "roots-skipped",
        39,
        "A version of the vendor's root keys is missing",
        "The root keys of version {known} are known here and those of version {found} are in the "
        "file, but not the ones between, and they count one after the other.",
        "Ask your vendor for a file with all `LICENSE ROOTS` blocks since version {known}, "
        "and run `{cli} install FILE`.",
    ),
    # 40-49: the term
    "LicenseExpiredError": Problem(
        "license-expired",
        40,
        "The licence has expired",
        "The licence ended {ended_at}; it is now {now_at}.",
        "Ask your vendor to renew it: send the output of `{cli} request`. "
        "Then run `{cli} install FILE` and start again.",
    ),
    "LicenseNotYetValidError": Problem(
        "license-not-yet-valid",
        41,
        "The licence does not hold yet",
        "The licence begins {begins_at}; it is now {now_at}.",
        "If the clock is wrong, correct it (`date -u`). If not, wait until then.",
    ),
    "ClockSetBackError": Problem(
        "clock-set-back",
        42,
        "The clock was set back",
        "The clock says {now_at}, but this host has already seen {seen_at}.",
        "Correct the clock (`date -u` shows it). If it is right now and was wrong before, "
        "ask your vendor for a new licence: one that is issued from now on resets this mark.",
    ),
    "LicenseRevokedError": Problem(
        "license-revoked",
        43,
        "The licence was revoked",
        "The vendor has revoked licence {number} (list {list_number} of {listed_at}).",
        "Install the licence that replaced it, or ask your vendor why.",
    ),
    "MaintenanceEndedError": Problem(
        "maintenance-ended",
        44,
        "This version is newer than the licence covers",
        "The licence covers versions released until {until_at}; "
        "this one was released {released_at}.",
        "Go back to the former version, or ask your vendor to extend the maintenance.",
    ),
    "RevocationsRolledBackError": Problem(
        "revocations-rolled-back",
        45,
        "The revocation list is older than one that was seen here",
        "This is list {number}; this host has already seen list {seen_number}.",
        "Ask your vendor for the present list, and run `{cli} install FILE`.",
    ),
    # 50-59: what the operator sent to the vendor
    "RequestUnreadableError": Problem(
        "request-unreadable",
        50,
        "No host key was found",
        "The {size} characters pasted hold none: {reason}.",
        'Paste the line that `get_host_key` printed, such as ["55917890…", "studio2_gpu"], '
        "or the whole request.",
    ),
    "RequestDamagedError": Problem(
        "request-damaged",
        51,
        "The request was damaged on its way",
        "The request is not whole: {reason}.",
        "Ask the operator to send it again, or paste the line that `get_host_key` printed.",
    ),
    "RequestAmbiguousError": Problem(
        "request-ambiguous",
        52,
        "More than one host key was found",
        "The text holds {count} different host keys.",
        "Paste the line or the request of one host only.",
    ),
    # 60-69: writing
    "FileIsMountedError": Problem(
        "file-is-mounted",
        60,
        "The file itself is mounted, so it cannot be replaced",
        "{path} is a mount of its own (`docker run -v …/{name}:{path}`), "
        "and a mounted file cannot be replaced as a whole. The old file was left as it was.",
        "Mount its folder in place of the file: `docker run -v HOST_FOLDER:{folder} …`; "
        "or replace the file on the host, outside the container.",
    ),
    "FolderNotWritableError": Problem(
        "folder-not-writable",
        61,
        "The folder cannot be written",
        "Nothing can be written in {folder}: {reason}. Nothing was changed.",
        "Run the command as the owner of {folder} (`ls -ld {folder}`), "
        "or mount the folder without `:ro`.",
    ),
    "DiskFullError": Problem(
        "disk-full",
        62,
        "The disk is full",
        "There is no room in {folder}: {reason}. The old file was left as it was.",
        "Make room (`df -h {folder}`) and run the same command again.",
    ),
    "WriteFailedError": Problem(
        "write-failed",
        63,
        "A file could not be written",
        "{path} could not be written: {reason}. The old file was left as it was.",
        "Check {folder} with `ls -ld {folder}` and `df -h {folder}`, then run the command again.",
    ),
    "ServerUnreachableError": Problem(
        "server-unreachable",
        64,
        "The server did not answer",
        "No usable answer came from {url}: {reason}.",
        "Check the address and the network, or fetch the file by another way "
        "and run `{cli} install FILE`.",
    ),
    "OutputFailedError": Problem(
        "output-failed",
        65,
        "The answer could not be written",
        "The answer could not be written to standard output: {reason}.",
        "See where the output of the command goes (is that disk full?), and run it again.",
    ),
    "ProgramNotStartedError": Problem(
        "program-not-started",
        67,
        "The program cannot be started",
        "{program} cannot be started: {reason}.",
        "The licence holds. Correct the name after `--`; without a folder in it, the program is "
        "looked for in PATH.",
    ),
    "FolderMissingError": Problem(
        "folder-missing",
        68,
        "The folder is not there",
        "There is no folder {folder}.",
        "Make it with `mkdir -p {folder}`, and run the same command again.",
    ),
    "PathIsFolderError": Problem(
        "path-is-folder",
        69,
        "A folder stands in place of the file",
        "{path} is a folder, so no file can be written there. Nothing was changed.",
        "Name a file, such as one in that folder.",
    ),
    # 70-89: the vendor's side
    "DatabaseUnavailableError": Problem(
        "database-unavailable",
        74,
        "The database does not answer",
        "The database cannot be used: {reason}.",
        "Try again in a moment; nothing was issued. If it lasts, check the database.",
    ),
    "SignerUnavailableError": Problem(
        "signer-unavailable",
        75,
        "The signing key cannot be used",
        "The signing key cannot be used: {reason}.",
        "Nothing was issued. Check the folder with the keys, or the token, then try again.",
    ),
    "NotFoundError": Problem(
        "not-found",
        77,
        "There is no such thing",
        "There is no {what} {name}.",
        "Check the address or the number.",
    ),
    "NotAuthenticatedError": Problem(
        "not-authenticated",
        78,
        "You are not signed in",
        "{reason}.",
        "Sign in, or send a valid token as `Authorization: Bearer …`; for `{cli} install` it "
        "stands in LICENSE_TOKEN, or in a file: `--token-file FILE`.",
    ),
    "NotPermittedError": Problem(
        "not-permitted",
        79,
        "You may not do this",
        "{reason}.",
        "Ask an administrator of the licence server.",
    ),
    "RateLimitedError": Problem(
        "rate-limited",
        94,
        "Too many requests",
        "This client sends more than {limit}; the next request is answered in {seconds} seconds.",
        "Wait {seconds} seconds, and send fewer at once.",
    ),
    # 100-104: people
}
