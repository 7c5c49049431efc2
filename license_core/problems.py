"""THE table: what can be wrong, its stable name, exit code and words.

Plain data. ``PROBLEMS`` maps the name of an error class of errors.py to its row; an error of the
server declares a row of its own. Slugs and exit codes never change meaning (SPEC section 9); a
retired one is never used again. HTTP status is on the server's side (http/problem_types.py).

Sentences and remedies are ``str.format`` templates over the facts of the error, so that a
translation needs nothing but another template. Facts whose name ends in ``_at`` are instants and
are written as UTC times. ``{cli}`` is how the operator calls the client,
``{server}`` how the vendor calls the server. A number agrees with its noun by its format,
``{gpus:# GPU|# GPUs}`` (reason.py).
"""

from __future__ import annotations

from license_core.host_problems import HOST_PROBLEMS
from license_core.problem import Problem

_MAIL_AGAIN = (
    "Ask your vendor to send the file again as an attachment, then run `{cli} install FILE`."
)

PROBLEMS: dict[str, Problem] = {
    # 1-9: the program itself
    "InternalError": Problem(
        "internal-error",
        1,
        "Internal error",
        "Hostseal hit an unexpected error: {reason}.",
        "This is a bug in Hostseal; your licence is not the cause. Send this line to your vendor.",
    ),
    "UsageError": Problem(
        "usage",
        2,
        "Invalid command or request",
        "{reason}",
        "Run `{cli} {help}` to see the usage.",
    ),
    "DependencyMissingError": Problem(
        "dependency-missing",
        3,
        "A Python package is missing",
        "{package} is not installed for this Python ({python}).",
        "Run the command with the Python of the product's environment (for start.sh, set "
        "`LICENSE_PYTHON`). If there is none, create one in the folder that contains Hostseal's "
        "`requirements`: `python3 -m venv .venv && .venv/bin/pip install --require-hashes "
        "-r requirements/client.txt`. Without internet access, run "
        "`pip download --require-hashes -d wheels -r requirements/client.txt` on a connected "
        "machine with the same Python version, copy `wheels` here, and add "
        "`--no-index --find-links wheels` to the install command.",
    ),
    "MemoryExhaustedError": Problem(
        "memory-exhausted",
        4,
        "Too little memory",
        "There is too little memory to run this command.",
        "Free some memory, or allow more (`ulimit -v`; the container's `--memory`), then run the "
        "command again. Nothing is wrong with the licence.",
    ),
    "FolderUnnamedError": Problem(
        "folder-unnamed",
        5,
        "A folder is not named",
        "The folder `{folder}` is not named. A client outside of a product's folder takes none "
        "from where it is called.",
        "Name both folders: `{cli} --conf DIR --keys DIR`, or in LICENSE_CONF and LICENSE_KEYS, "
        "or in code: `check_installed(conf=…, keys=…)`.",
    ),
    # 10-19: the files
    "LicenseMissingError": Problem(
        "license-missing",
        10,
        "No licence file",
        "There is no licence file at {path}.",
        "If you have the file, run `{cli} install FILE`. If not, send the output of "
        "`{cli} request`, or of the shorter `{cli} get_host_key`, to your vendor.",
    ),
    "FileUnreadableError": Problem(
        "file-unreadable",
        11,
        "Cannot read a file",
        "Cannot read {path}: {reason}.",
        "Check it with `ls -ld {path}`: it must be a regular file that this user can read.",
    ),
    "FileTooLargeError": Problem(
        "file-too-large",
        12,
        "The file is too large to be a licence",
        "{path} has {size:# byte|# bytes}; a licence file has at most {cap}.",
        "Copy only the part from the BEGIN LICENSE line to the last END LICENSE line "
        "into a new file.",
    ),
    "ListTooLargeError": Problem(
        "list-too-large",
        163,
        "The revocation list is too large to be read",
        "The revocation list {path} has {size:# byte|# bytes}; at most {cap} are read. This says "
        "nothing of the licence itself.",
        "Ask your vendor for the revocation list of your licence alone, a small part of the whole "
        "one, then run `{cli} install FILE`. It takes the place of the one that is too large.",
    ),
    "LicenseBlockMissingError": Problem(
        "license-block-missing",
        13,
        "The file contains no licence",
        "The file ({size:# byte|# bytes}) has no line `-----BEGIN LICENSE-----`: {found}.",
        "Check that this is the file your vendor sent and that it was saved completely. "
        + _MAIL_AGAIN,
    ),
    "LicenseDamagedError": Problem(
        "license-damaged",
        14,
        "The licence file is damaged",
        "The licence file is damaged: {reason}.",
        _MAIL_AGAIN,
    ),
    "SeveralLicensesError": Problem(
        "license-several",
        15,
        "The file contains more than one licence",
        "The file contains {count:# licence|# licences}; it must contain exactly one.",
        "Keep one licence, from its BEGIN LICENSE line to its END lines, and remove the others.",
    ),
    "LicenseClaimsInvalidError": Problem(
        "license-claims-invalid",
        16,
        "The licence has an invalid claim",
        "The licence is signed, but its claim `{claim}` is invalid: {reason}.",
        "Send this message to your vendor and ask for a corrected licence.",
    ),
    "LicenseUnsupportedError": Problem(
        "license-unsupported",
        17,
        "The licence needs a newer client",
        "The licence requires {what}, which this version of the client does not support.",
        "Update the product, or ask your vendor for a licence that this version supports.",
    ),
    "SettingsInvalidError": Problem(
        "settings-invalid",
        18,
        "The product's settings are invalid",
        "{path} is invalid: {reason}.",
        "Restore {path} from the product's image.",
    ),
    "RevocationsInvalidError": Problem(
        "revocations-invalid",
        19,
        "The revocation list is invalid",
        "The revocation list in {path} is invalid: {reason}.",
        _MAIL_AGAIN,
    ),
    # 20-29: trust
    "TrustedKeyMissingError": Problem(
        "trusted-key-missing",
        20,
        "No trusted root key",
        "There is no `*.pub.pem` in {path}, so no licence can be verified.",
        "Copy the vendor's root.pub.pem there, or name the folder that has it: `--keys DIR`.",
    ),
    "TrustedKeyInvalidError": Problem(
        "trusted-key-invalid",
        21,
        "A trusted root key is invalid",
        "{path} is not a valid Ed25519 public key: {reason}.",
        "Restore {path} from the product's image.",
    ),
    "KeysetMissingError": Problem(
        "keyset-missing",
        22,
        "The file has no keyset",
        "The file contains a licence, but no `LICENSE KEYSET` block.",
        "Probably only the first block was copied. Copy the whole file. " + _MAIL_AGAIN,
    ),
    "KeysetUntrustedError": Problem(
        "keyset-untrusted",
        23,
        "This product does not trust the vendor of the licence",
        "The keyset in this file is not trusted: {reason} (trusted here: {trusted}).",
        "Check that the file comes from this product's vendor. If it does, the file is damaged, "
        "{keys} is not the folder of keys that the vendor shipped, or the vendor has new root "
        "keys; in that case ask for a file with the `LICENSE ROOTS` blocks.",
    ),
    "KeysetInvalidError": Problem(
        "keyset-invalid",
        24,
        "The vendor's keyset is invalid",
        "The keyset in this file is invalid: {reason}.",
        "Send this message to your vendor and ask for the licence again.",
    ),
    "KeysetExpiredError": Problem(
        "keyset-expired",
        25,
        "The keyset had expired when the licence was issued",
        "Keyset {version} expired {ended_at}, before the licence was issued ({issued_at}).",
        "Ask your vendor for a licence with the current keyset.",
    ),
    "SigningKeyUnknownError": Problem(
        "signing-key-unknown",
        26,
        "The licence is signed with an unknown key",
        "No key in keyset {version} matches this licence's header.",
        "The licence and the keyset in the file do not belong together, "
        "or the file was modified. " + _MAIL_AGAIN,
    ),
    "SignatureInvalidError": Problem(
        "signature-invalid",
        27,
        "The licence's signature is invalid",
        "The licence was modified after it was signed, or the file is damaged.",
        _MAIL_AGAIN,
    ),
    "SigningKeyRevokedError": Problem(
        "signing-key-revoked",
        28,
        "The licence's signing key was revoked",
        "The vendor has revoked signing key {kid} (keyset {version}).",
        "Ask your vendor to reissue this licence with an active key.",
    ),
    "SigningKeyNotAllowedError": Problem(
        "signing-key-not-allowed",
        29,
        "The signing key was not allowed to sign this licence",
        "Signing key {kid} was not allowed to sign this licence: {reason}.",
        "Ask your vendor to reissue this licence with the right key.",
    ),
    # 30-36 and others: this host
    **HOST_PROBLEMS,
    # … and trust, where 20-29 are taken
    "KeysetRolledBackError": Problem(
        "keyset-rolled-back",
        37,
        "The keyset is older than one already seen on this host",
        "The newest keyset here is {version} (roots {roots}), "
        "but this host has already seen {seen_version} (roots {seen_roots}).",
        "Install the newer licence again, or ask your vendor for the current keyset "
        "and run `{cli} install FILE`.",
    ),
    "RootsInvalidError": Problem(
        "roots-invalid",
        38,
        "The vendor's roots document is invalid",
        "A `LICENSE ROOTS` block is invalid: {reason}.",
        "Send this message to your vendor and ask for a corrected file.",
    ),
    "RootsSkippedError": Problem(
        "roots-skipped",
        39,
        "A version of the vendor's root keys is missing",
        "This host knows version {known} of the root keys and the file has version {found}, "
        "but versions must be installed in order.",
        "Ask your vendor for a file with all `LICENSE ROOTS` blocks since version {known}, "
        "then run `{cli} install FILE`.",
    ),
    # 40-49: the term
    "LicenseExpiredError": Problem(
        "license-expired",
        40,
        "The licence has expired",
        "The licence expired {ended_at}; it is now {now_at}.",
        "Ask your vendor to renew it: send the output of `{cli} request`. "
        "Then run `{cli} install FILE` and start the product again.",
    ),
    "LicenseNotYetValidError": Problem(
        "license-not-yet-valid",
        41,
        "The licence is not valid yet",
        "The licence is valid from {begins_at}; it is now {now_at}.",
        "If the clock is wrong, correct it (`date -u` shows it). If not, wait until then.",
    ),
    "ClockSetBackError": Problem(
        "clock-set-back",
        42,
        "The clock was set back",
        "The clock says {now_at}, but this host has already seen {seen_at}.",
        "Correct the clock (`date -u` shows it). If it is right now and was wrong before, "
        "ask your vendor for a new licence, issued today or later: it resets the clock check.",
    ),
    "ClockWrongError": Problem(
        "clock-wrong",
        47,
        "The clock is wrong",
        "The clock of this machine is wrong: {reason}.",
        "Correct the clock (`date -u` shows it), then try again.",
    ),
    "LicenseRevokedError": Problem(
        "license-revoked",
        43,
        "The licence was revoked",
        "The vendor has revoked licence {number} (revocation list {list_number} of {listed_at}).",
        "Install the licence that replaced it, or ask your vendor why it was revoked.",
    ),
    "LicenseReturnedError": Problem(
        "license-returned",
        55,
        "The licence was given back",
        "Licence {number}, or a later one in its place, was given back on this host.",
        "To use the product here again, order a new licence: send the output of `{cli} request` "
        "to your vendor.",
    ),
    "MaintenanceEndedError": Problem(
        "maintenance-ended",
        44,
        "The licence's maintenance does not cover this version",
        "The licence covers versions released until {until_at}; "
        "this one was released {released_at}.",
        "Go back to the previous version, or ask your vendor to extend the maintenance.",
    ),
    "RevocationsRolledBackError": Problem(
        "revocations-rolled-back",
        45,
        "The revocation list is older than one already seen on this host",
        "This is revocation list {number}, but this host has already seen list {seen_number}.",
        "Ask your vendor for the current list, then run `{cli} install FILE`.",
    ),
    "RevocationsTooLargeError": Problem(
        "revocations-too-large",
        99,
        "The revocation list is too large",
        "Revocation list {number} is too large to be one file, and is published in shards alone.",
        "Get the list of one licence: add `?license=NUMBER` to the address "
        "`…/license.revocations`. Any list that is installed still counts.",
    ),
    # 50-59: what the operator sent to the vendor
    "RequestUnreadableError": Problem(
        "request-unreadable",
        50,
        "No host key found",
        "The pasted text ({size:# character|# characters}) contains no host key: {reason}.",
        'Paste the line that `get_host_key` printed, such as ["55917890…", "studio2_gpu"], '
        "or the whole request.",
    ),
    "RequestDamagedError": Problem(
        "request-damaged",
        51,
        "The request is damaged",
        "The request is damaged: {reason}.",
        "Ask the operator to send it again, or paste the line that `get_host_key` printed.",
    ),
    "RequestAmbiguousError": Problem(
        "request-ambiguous",
        52,
        "More than one host key found",
        "The text contains {count:# host key|# different host keys}.",
        "Paste the line or the request of one host only.",
    ),
    # 60-69: writing
    "FileIsMountedError": Problem(
        "file-is-mounted",
        60,
        "The file is a mount point, so it cannot be replaced",
        "{path} is itself a mount point (`docker run -v …/{name}:{path}`), so it cannot be "
        "replaced. The old file is unchanged.",
        "Replace the file on the Docker host. To be able to replace it here, mount its folder "
        "instead, with what is in it now: `docker cp CONTAINER:{folder}/. HOST_FOLDER`, then "
        "`docker run -v HOST_FOLDER:{folder} …`.",
    ),
    "FolderNotWritableError": Problem(
        "folder-not-writable",
        61,
        "The folder is not writable",
        "Cannot write to {folder}: {reason}. Nothing was changed.",
        "Run the command as the owner of {folder} (`ls -ld {folder}`), or have the owner give "
        "this user write access.",
    ),
    "DiskFullError": Problem(
        "disk-full",
        62,
        "The disk is full",
        "There is no space left in {folder}: {reason}. An earlier file of that name is unchanged.",
        "Free some space (`df -h {folder}`; if that shows some, files: `df -i {folder}`), then run "
        "the same command again.",
    ),
    "WriteFailedError": Problem(
        "write-failed",
        63,
        "Cannot write a file",
        "Cannot write {path}: {reason}. An earlier file of that name is unchanged.",
        "Check {folder} with `ls -ld {folder}` and `df -h {folder}`, then run the command again.",
    ),
    "ServerUnreachableError": Problem(
        "server-unreachable",
        64,
        "No usable response from the server",
        "No usable response from {url}: {reason}.",
        "Check the URL and the network, or get the file some other way "
        "and run `{cli} install FILE`.",
    ),
    "OutputFailedError": Problem(
        "output-failed",
        65,
        "Cannot write the output",
        "Cannot write to standard output: {reason}.",
        "Check where the command's output goes (is that disk full?), then run it again.",
    ),
    "ProgramNotStartedError": Problem(
        "program-not-started",
        67,
        "Cannot start the program",
        "Cannot start {program}: {reason}.",
        "The licence is valid. Correct the program after `--`; a name without a folder is "
        "looked up in PATH.",
    ),
    "FolderMissingError": Problem(
        "folder-missing",
        68,
        "The folder does not exist",
        "The folder {folder} does not exist.",
        "Create it with `mkdir -p {folder}`, then run the same command again.",
    ),
    "PathIsFolderError": Problem(
        "path-is-folder",
        69,
        "The path is a folder, not a file",
        "{path} is a folder, so it cannot be written as a file. Nothing was changed.",
        "Name a file, such as one in that folder.",
    ),
    # 70-89: the vendor's side
    "DatabaseUnavailableError": Problem(
        "database-unavailable",
        74,
        "The database is unavailable",
        "The database is unavailable: {reason}.",
        "Nothing was issued. Try again in a moment; if it keeps failing, check the database.",
    ),
    "SignerUnavailableError": Problem(
        "signer-unavailable",
        75,
        "The signing key is unavailable",
        "The signing key is unavailable: {reason}.",
        "Nothing was issued. Check the key folder, the PKCS#11 token or the key service, then "
        "try again.",
    ),
    "NotFoundError": Problem(
        "not-found",
        77,
        "Not found",
        "There is no {what} {name}.",
        "Check the address or the number.",
    ),
    "NotAuthenticatedError": Problem(
        "not-authenticated",
        78,
        "You are not signed in",
        "{reason}.",
        "Sign in, or send a valid API token as `Authorization: Bearer …`. For `{cli} install`, "
        "set LICENSE_TOKEN or use `--token-file FILE`.",
    ),
    "NotPermittedError": Problem(
        "not-permitted",
        79,
        "You do not have permission to do this",
        "{reason}.",
        "Ask an administrator of the licence server.",
    ),
    "RateLimitedError": Problem(
        "rate-limited",
        94,
        "Too many requests",
        "This client sent more than {limit}; try again in {seconds:# second|# seconds}.",
        "Wait {seconds:# second|# seconds}, then send requests more slowly.",
    ),
    # 100-104: people
}
