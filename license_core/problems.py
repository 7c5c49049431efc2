"""THE table: what can be wrong, its stable name, exit code, HTTP status and words.

Plain data. ``PROBLEMS`` maps the name of an error class (errors.py) to its row; ``NOTICES`` maps
the slug of a remark that refuses nothing to its words. Slugs and exit codes never change meaning
(SPEC section 9); a retired one is never used again.

Sentences and remedies are ``str.format`` templates over the facts of the error, so that a
translation needs nothing but another template. Facts whose name ends in ``_at`` are instants and
are written as UTC times. ``{cli}`` is how the operator calls the client,
``{server}`` how the vendor calls the server.
"""

from typing import NamedTuple


class Problem(NamedTuple):
    """One row: a refusal, as a shell, an HTTP client and a person meet it."""

    slug: str
    exit_code: int
    status: int
    title: str
    sentence: str
    remedy: str


class Remark(NamedTuple):
    """One row of ``NOTICES``; ``level`` is ``warning``, ``note`` or ``detail``."""

    level: str
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
        500,
        "Something went wrong inside Hostseal",
        "Hostseal met a case that it does not know: {reason}.",
        "This is a defect of Hostseal, not of your licence. Send this line to your vendor.",
    ),
    "UsageError": Problem(
        "usage",
        2,
        400,
        "The command or request was not understood",
        "{reason}",
        "Run `{cli} {help}` to see what it takes.",
    ),
    "DependencyMissingError": Problem(
        "dependency-missing",
        3,
        500,
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
        404,
        "There is no licence file",
        "There is no licence at {path}.",
        "If you have the file, run `{cli} install FILE`. If not: "
        "send the output of `{cli} request` to your vendor, or its short form, `{cli} get_host_key`.",
    ),
    "FileUnreadableError": Problem(
        "file-unreadable",
        11,
        400,
        "A file cannot be read",
        "{path} cannot be read: {reason}.",
        "Look at it with `ls -ld {path}`; it must be a plain file that this user may read.",
    ),
    "FileTooLargeError": Problem(
        "file-too-large",
        12,
        413,
        "The file is too large to be a licence",
        "{path} holds {size} bytes; a licence has at most {cap}.",
        "Copy only the part from the BEGIN LICENSE line to the last END LICENSE line "
        "into a file of its own.",
    ),
    "LicenseBlockMissingError": Problem(
        "license-block-missing",
        13,
        422,
        "The file holds no licence",
        "No line `-----BEGIN LICENSE-----` was found in the {size} bytes of the file: {found}.",
        "Check that this is the file your vendor sent, and that it was saved whole. " + _MAIL_AGAIN,
    ),
    "LicenseDamagedError": Problem(
        "license-damaged",
        14,
        422,
        "The licence was damaged on its way",
        "The text of the licence is not whole: {reason}.",
        _MAIL_AGAIN,
    ),
    "SeveralLicensesError": Problem(
        "license-several",
        15,
        422,
        "The file holds more than one licence",
        "The file holds {count} licences, and which one is meant cannot be guessed.",
        "Keep one block, from its BEGIN LICENSE line to its END lines, and remove the others.",
    ),
    "LicenseClaimsInvalidError": Problem(
        "license-claims-invalid",
        16,
        422,
        "The licence says something that makes no sense",
        "The licence is signed, but its claim `{claim}` is not valid: {reason}.",
        "Ask your vendor for a corrected licence; name this message.",
    ),
    "LicenseUnsupportedError": Problem(
        "license-unsupported",
        17,
        422,
        "The licence needs a newer client",
        "The licence demands {what}, which this version of the client does not know.",
        "Update the product, or ask your vendor for a licence that this version understands.",
    ),
    "SettingsInvalidError": Problem(
        "settings-invalid",
        18,
        500,
        "The settings of the product are not valid",
        "{path} is not valid: {reason}.",
        "Restore {path} from the product's image.",
    ),
    "RevocationsInvalidError": Problem(
        "revocations-invalid",
        19,
        422,
        "The revocation list is not valid",
        "The revocation list in {path} cannot be used: {reason}.",
        "Ask your vendor to send it again, and replace {path}.",
    ),
    # 20-29: trust
    "TrustedKeyMissingError": Problem(
        "trusted-key-missing",
        20,
        500,
        "There is no trusted key",
        "There is no `*.pub.pem` in {path}, so nothing can be verified.",
        "Put the vendor's root.pub.pem there, or name its folder: `{cli} --keys DIR verify`.",
    ),
    "TrustedKeyInvalidError": Problem(
        "trusted-key-invalid",
        21,
        500,
        "A trusted key cannot be used",
        "{path} is not a usable Ed25519 public key: {reason}.",
        "Restore {path} from the product's image.",
    ),
    "KeysetMissingError": Problem(
        "keyset-missing",
        22,
        422,
        "The file lacks the vendor's keyset",
        "The file has a licence, but no `LICENSE KEYSET` block after it.",
        "Probably only the first block was copied; copy the whole file. " + _MAIL_AGAIN,
    ),
    "KeysetUntrustedError": Problem(
        "keyset-untrusted",
        23,
        422,
        "The licence comes from a vendor that this product does not trust",
        "The keyset in the file counts for nothing: {reason} (trusted here: {trusted}).",
        "Check that the file comes from this product's vendor. If it does, "
        "it was damaged on its way, or {keys} is not the folder of keys that the vendor shipped, "
        "or the vendor has new root keys: then ask for the file that leads to them.",
    ),
    "KeysetInvalidError": Problem(
        "keyset-invalid",
        24,
        422,
        "The vendor's keyset makes no sense",
        "The keyset in the file cannot be used: {reason}.",
        "Ask your vendor to send the licence again; name this message.",
    ),
    "KeysetExpiredError": Problem(
        "keyset-expired",
        25,
        422,
        "The vendor's keyset had ended",
        "Keyset {version} ended {ended_at}, before the licence was issued ({issued_at}).",
        "Ask your vendor for a licence made with the present keyset.",
    ),
    "SigningKeyUnknownError": Problem(
        "signing-key-unknown",
        26,
        422,
        "The licence is signed with an unknown key",
        "The header of the licence is none that a key of keyset {version} would have made.",
        "The licence and the keyset in the file do not belong together, "
        "or the file was altered. " + _MAIL_AGAIN,
    ),
    "SignatureInvalidError": Problem(
        "signature-invalid",
        27,
        422,
        "The signature does not match",
        "The licence was altered after it was signed, or damaged on its way.",
        _MAIL_AGAIN,
    ),
    "SigningKeyRevokedError": Problem(
        "signing-key-revoked",
        28,
        422,
        "The key that signed the licence was withdrawn",
        "The vendor has withdrawn signing key {kid} (keyset {version}).",
        "Ask your vendor to issue this licence again with a present key.",
    ),
    "SigningKeyNotAllowedError": Problem(
        "signing-key-not-allowed",
        29,
        422,
        "The key was not allowed to sign this licence",
        "Signing key {kid} may not sign this licence: {reason}.",
        "Ask your vendor to issue this licence again with the right key.",
    ),
    # 30-39: this host
    "WrongHostError": Problem(
        "wrong-host",
        30,
        409,
        "The licence is for another host",
        "The licence is for host {licensed_key} ({licensed_name}); "
        "this host is {host_key} ({hostname}).",
        _ASK_AGAIN,
    ),
    "WrongProductError": Problem(
        "wrong-product",
        31,
        409,
        "The licence is for another product",
        "The licence is for product {licensed}; this is {product}.",
        "Install the licence for {product}, or ask your vendor for one.",
    ),
    "HostUnidentifiableError": Problem(
        "host-unidentifiable",
        32,
        409,
        "This host cannot be told from others",
        "Neither a machine id nor a container id can be read under {root}, "
        "so a licence could not be bound to this host.",
        "On a machine: `systemd-machine-id-setup`. In a container: start it with "
        "`-v /etc/machine-id:/etc/machine-id:ro`.",
    ),
    "MachineIdNotBoundError": Problem(
        "host-machine-id-not-bound",
        33,
        409,
        "The machine id is not the host's",
        "Profile hk1-host needs the host's own machine id, but {root} has {found}.",
        "Start the container with `-v /etc/machine-id:/etc/machine-id:ro`, or use the profile hk1.",
    ),
    "PinnedAddressDiffersError": Problem(
        "pinned-address-differs",
        34,
        409,
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
        409,
        "The host has more GPUs than are licensed",
        "The licence covers {licensed} GPUs; {present} are visible here.",
        "Start the container with `--gpus {licensed}`, or ask your vendor for a licence "
        "for {present}: send the output of `{cli} request`.",
    ),
    "FeatureNotLicensedError": Problem(
        "feature-not-licensed",
        36,
        409,
        "The licence does not include this feature",
        "Licence {number} does not include the feature {feature}. It includes: {licensed}.",
        "Ask your vendor for a licence that includes it: send the output of `{cli} request`.",
    ),
    # … and trust, where 20-29 are taken
    "KeysetRolledBackError": Problem(
        "keyset-rolled-back",
        37,
        422,
        "The vendor's keyset is older than one that was seen here",
        "The newest keyset here is {version} (roots {roots}); "
        "this host has already seen {seen_version} (roots {seen_roots}).",
        "Install the later licence again, or ask your vendor for the present keyset, "
        "and run `{cli} install FILE`.",
    ),
    "RootsInvalidError": Problem(
        "roots-invalid",
        38,
        422,
        "The vendor's root keys make no sense",
        "A `LICENSE ROOTS` block is signed by trusted root keys, but cannot be used: {reason}.",
        "Ask your vendor for a corrected file; name this message.",
    ),
    "RootsSkippedError": Problem(
        "roots-skipped",
        39,
        422,
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
        409,
        "The licence has expired",
        "The licence ended {ended_at}; it is now {now_at}.",
        "Ask your vendor to renew it: send the output of `{cli} request`. "
        "Then run `{cli} install FILE` and start again.",
    ),
    "LicenseNotYetValidError": Problem(
        "license-not-yet-valid",
        41,
        409,
        "The licence does not hold yet",
        "The licence begins {begins_at}; it is now {now_at}.",
        "If the clock is wrong, correct it (`date -u`). If not, wait until then.",
    ),
    "ClockSetBackError": Problem(
        "clock-set-back",
        42,
        409,
        "The clock was set back",
        "The clock says {now_at}, but this host has already seen {seen_at}.",
        "Correct the clock (`date -u` shows it). If it is right now and was wrong before, "
        "ask your vendor for a new licence: one that is issued from now on resets this mark.",
    ),
    "LicenseRevokedError": Problem(
        "license-revoked",
        43,
        409,
        "The licence was revoked",
        "The vendor has revoked licence {number} (list {list_number} of {listed_at}).",
        "Install the licence that replaced it, or ask your vendor why.",
    ),
    "MaintenanceEndedError": Problem(
        "maintenance-ended",
        44,
        409,
        "This version is newer than the licence covers",
        "The licence covers versions released until {until_at}; "
        "this one was released {released_at}.",
        "Go back to the former version, or ask your vendor to extend the maintenance.",
    ),
    "RevocationsRolledBackError": Problem(
        "revocations-rolled-back",
        45,
        409,
        "The revocation list is older than one that was seen here",
        "This is list {number}; this host has already seen list {seen_number}.",
        "Ask your vendor for the present list, and run `{cli} install FILE`.",
    ),
    # 50-59: what the operator sent to the vendor
    "RequestUnreadableError": Problem(
        "request-unreadable",
        50,
        422,
        "No host key was found",
        "The {size} characters pasted hold none: {reason}.",
        'Paste the line that `get_host_key` printed, such as ["55917890…", "studio2_gpu"], '
        "or the whole request.",
    ),
    "RequestDamagedError": Problem(
        "request-damaged",
        51,
        422,
        "The request was damaged on its way",
        "The request is not whole: {reason}.",
        "Ask the operator to send it again, or paste the line that `get_host_key` printed.",
    ),
    "RequestAmbiguousError": Problem(
        "request-ambiguous",
        52,
        422,
        "More than one host key was found",
        "The text holds {count} different host keys.",
        "Paste the line or the request of one host only.",
    ),
    # 60-69: writing
    "FileIsMountedError": Problem(
        "file-is-mounted",
        60,
        500,
        "The file itself is mounted, so it cannot be replaced",
        "{path} is a mount of its own (`docker run -v …/{name}:{path}`), "
        "and a mounted file cannot be replaced as a whole. The old file was left as it was.",
        "Mount its folder in place of the file: `docker run -v HOST_FOLDER:{folder} …`; "
        "or replace the file on the host, outside the container.",
    ),
    "FolderNotWritableError": Problem(
        "folder-not-writable",
        61,
        500,
        "The folder cannot be written",
        "Nothing can be written in {folder}: {reason}. Nothing was changed.",
        "Run the command as the owner of {folder} (`ls -ld {folder}`), "
        "or mount the folder without `:ro`.",
    ),
    "DiskFullError": Problem(
        "disk-full",
        62,
        507,
        "The disk is full",
        "There is no room in {folder}: {reason}. The old file was left as it was.",
        "Make room (`df -h {folder}`) and run the same command again.",
    ),
    "WriteFailedError": Problem(
        "write-failed",
        63,
        500,
        "A file could not be written",
        "{path} could not be written: {reason}. The old file was left as it was.",
        "Check {folder} with `ls -ld {folder}` and `df -h {folder}`, then run the command again.",
    ),
    "ServerUnreachableError": Problem(
        "server-unreachable",
        64,
        502,
        "The server did not answer",
        "No usable answer came from {url}: {reason}.",
        "Check the address and the network, or fetch the file by another way "
        "and run `{cli} install FILE`.",
    ),
    "OutputFailedError": Problem(
        "output-failed",
        65,
        500,
        "The answer could not be written",
        "The answer could not be written to standard output: {reason}.",
        "See where the output of the command goes (is that disk full?), and run it again.",
    ),
    "LicenseNotWrittenError": Problem(
        "license-not-written",
        66,
        500,
        "The licence was issued, but its file could not be written",
        "Licence {number} was issued, but its file could not be written to {path}: {reason}.",
        "Do not issue it again; fetch it: `{server} file {number} -o FILE`.",
    ),
    "ProgramNotStartedError": Problem(
        "program-not-started",
        67,
        500,
        "The program cannot be started",
        "{program} cannot be started: {reason}.",
        "The licence holds. Correct the name after `--`; without a folder in it, the program is "
        "looked for in PATH.",
    ),
    "FolderMissingError": Problem(
        "folder-missing",
        68,
        500,
        "The folder is not there",
        "There is no folder {folder}.",
        "Make it with `mkdir -p {folder}`, and run the same command again.",
    ),
    "PathIsFolderError": Problem(
        "path-is-folder",
        69,
        500,
        "A folder stands in place of the file",
        "{path} is a folder, so no file can be written there. Nothing was changed.",
        "Name a file, such as one in that folder.",
    ),
    # 70-89: the vendor's side
    "PassphraseMissingError": Problem(
        "passphrase-missing",
        70,
        500,
        "No passphrase was given",
        "The {what} is encrypted, and no passphrase was given.",
        "Set LICENSE_SERVER_PASSPHRASE_FILE to a file that holds it (mode 0600), "
        "or LICENSE_SERVER_PASSPHRASE.",
    ),
    "PassphraseWrongError": Problem(
        "passphrase-wrong",
        71,
        500,
        "The passphrase is wrong",
        "The passphrase does not open the {what}.",
        "Use the passphrase that `{server} init` was given.",
    ),
    "AlreadyInitialisedError": Problem(
        "already-initialised",
        72,
        409,
        "There is a server in this folder already",
        "{path} already holds a server ({found}); nothing was changed.",
        "Start it with `{server} serve`, or choose another folder.",
    ),
    "NotInitialisedError": Problem(
        "not-initialised",
        73,
        500,
        "There is no server in this folder",
        "{path} holds no server yet: {missing} is missing.",
        "Name the right folder with `--data DIR` or LICENSE_SERVER_DATA. "
        "For a new server: `{server} init`.",
    ),
    "DatabaseUnavailableError": Problem(
        "database-unavailable",
        74,
        503,
        "The database does not answer",
        "The database cannot be used: {reason}.",
        "Try again in a moment; nothing was issued. If it lasts, check the database.",
    ),
    "SignerUnavailableError": Problem(
        "signer-unavailable",
        75,
        503,
        "The signing key cannot be used",
        "The signing key cannot be used: {reason}.",
        "Nothing was issued. Check the folder with the keys, or the token, then try again.",
    ),
    "SecretFileOpenError": Problem(
        "secret-file-open",
        98,
        503,
        "A file with a secret can be read by others",
        "{path} holds a secret and can be used by others than its owner (mode {mode}).",
        "Nothing was issued. Run `chmod 600 {path}`, then try again.",
    ),
    "InputInvalidError": Problem(
        "input-invalid",
        76,
        422,
        "A value is not valid",
        "{field}: {reason}.",
        "Correct the value and try again; nothing was changed.",
    ),
    "NotFoundError": Problem(
        "not-found",
        77,
        404,
        "There is no such thing",
        "There is no {what} {name}.",
        "Check the address or the number.",
    ),
    "NotAuthenticatedError": Problem(
        "not-authenticated",
        78,
        401,
        "You are not signed in",
        "{reason}.",
        "Sign in, or send a valid token as `Authorization: Bearer …`; for `{cli} install` it "
        "stands in LICENSE_TOKEN, or in a file: `--token-file FILE`.",
    ),
    "NotPermittedError": Problem(
        "not-permitted",
        79,
        403,
        "You may not do this",
        "{reason}.",
        "Ask an administrator of the licence server.",
    ),
    "FormExpiredError": Problem(
        "form-expired",
        80,
        403,
        "The form is too old",
        "The form was not made in this session, or the session has ended; nothing was issued.",
        "Load the page again and send the form once more.",
    ),
    "TooManyAttemptsError": Problem(
        "too-many-attempts",
        81,
        429,
        "Too many attempts",
        "Too many attempts to sign in; seconds until the next is allowed: {seconds}.",
        "Wait that long and try again.",
    ),
    "IdempotencyConflictError": Problem(
        "idempotency-key-reused",
        82,
        422,
        "The idempotency key was used for another request",
        "The Idempotency-Key {key} was already used with other content.",
        "Use a new key for a new request; repeat a request with the very same body.",
    ),
    "AddressInUseError": Problem(
        "address-in-use",
        83,
        500,
        "The address is taken",
        "The server cannot listen on {address}: {reason}.",
        "Choose another port: `{server} serve --port 8081`.",
    ),
    "SchemaOutdatedError": Problem(
        "schema-outdated",
        84,
        500,
        "The database is of another version",
        "The database is at version {found}; this server needs {wanted}.",
        "Make a backup, then run `{server} upgrade`.",
    ),
    "SchemaNewerError": Problem(
        "schema-newer",
        85,
        500,
        "The database belongs to a later server",
        "The database is at version {found}, which this server does not know; it knows {wanted}.",
        "Install the version of the server that made it, or restore the backup from before.",
    ),
    "MethodNotAllowedError": Problem(
        "method-not-allowed",
        86,
        405,
        "The address does not take this method",
        "{path} does not take {method}; it takes {allowed}.",
        "Use {allowed}.",
    ),
    "RequestTooLargeError": Problem(
        "request-too-large",
        87,
        413,
        "The request is too large",
        "The request has {size} bytes; at most {cap} are taken.",
        "Send only the operator's line or request, not whole mails or files. "
        "Send a sheet in parts, or take it with `license-server import licenses FILE`.",
    ),
    "StillRunningError": Problem(
        "still-running",
        88,
        409,
        "The same request is still being worked on",
        "The request with the Idempotency-Key {key} is still being worked on.",
        "Wait a moment and send it again: you get its answer.",
    ),
    "ChangedMeanwhileError": Problem(
        "changed-meanwhile",
        89,
        412,
        "It was changed meanwhile",
        "The {what} was changed after you saw it; nothing was done.",
        "Look at it again, and send what you want with its present ETag.",
    ),
    "LicenseStateError": Problem(
        "license-state",
        90,
        409,
        "The licence does not allow this now",
        "Licence {number}: {act} is not possible, it {became}.",
        "`{server} history {number}` (over the API: …/licenses/{number}/history) says what became of "
        "it; act on the one that is in force.",
    ),
    "TermTooLongError": Problem(
        "term-too-long",
        91,
        409,
        "The term is longer than the product allows",
        "The product {product} allows {days} days; asked for was {asked}.",
        "Choose an earlier end, or have an administrator change the product.",
    ),
    "RehostsUsedUpError": Problem(
        "rehosts-used-up",
        92,
        409,
        "The licence may not move to another host again",
        "Licence {number} has moved to another host as often as the product {product} allows "
        "({allowed}).",
        "Have an administrator raise the number of moves that the product allows.",
    ),
    "ProposalDecidedError": Problem(
        "proposal-decided",
        93,
        409,
        "The proposal is decided already",
        "Proposal {id} is {state}, by {decided_by}.",
        "Look at it again; nothing was done.",
    ),
    "RateLimitedError": Problem(
        "rate-limited",
        94,
        429,
        "Too many requests",
        "This client sends more than {limit}; the next request is answered in {seconds} seconds.",
        "Wait {seconds} seconds, and send fewer at once.",
    ),
    "RecordBrokenError": Problem(
        "record-broken",
        95,
        500,
        "The ledger and its record do not agree",
        "Faults found: {count}. The first: {first}.",
        "Keep this database as it is, as evidence, and go on with the last good backup.",
    ),
    "ApprovalPendingError": Problem(
        "approval-pending",
        96,
        202,
        "A second person must approve it",
        "Licences for {product} need a second person; it waits as proposal {id}.",
        "Once it is approved, fetch the file at the desk.",
    ),
    "NameTakenError": Problem(
        "name-taken",
        116,
        409,
        "The name is taken",
        "There is a {what} called {name} already.",
        "Choose another name, or change the one that is there.",
    ),
    "TermOverError": Problem(
        "term-over",
        114,
        409,
        "The term is over already",
        "{field}: {last} is over.",
        "Choose a later end, or renew the licence first.",
    ),
    "EvidenceMissingError": Problem(
        "evidence-missing",
        115,
        409,
        "An anchored licence needs evidence of the host",
        "Of the host {key} only its key is known; an anchored licence needs the evidence that a "
        "whole request carries.",
        "Ask the operator for the output of `python cmd/cli.py request`, or issue an exact licence.",
    ),
    "RecordKeyUnavailableError": Problem(
        "record-key-unavailable",
        97,
        503,
        "The key of the record cannot be used",
        "The key that signs checkpoints of the record cannot be used: {reason}.",
        "Put keys/record.key.pem and record.pub.pem back into the data folder from your backup. "
        "Where there never were such files, `{server} upgrade` makes them.",
    ),
    "KeysetRefusedError": Problem(
        "keyset-refused",
        117,
        409,
        "The keyset cannot be used",
        "{path} cannot be used as a keyset: {reason}.",
        "Nothing was changed. `{server} keys list` shows what is in force; a keyset is signed with "
        "`{server} root keyset` where a root key is.",
    ),
    "BackupInvalidError": Problem(
        "backup-invalid",
        105,
        500,
        "The backup cannot be restored",
        "{path} cannot be restored: {reason}.",
        "Nothing was put in place. Take another copy of it, or an earlier backup.",
    ),
    # 100-104: people
    "LastAdministratorError": Problem(
        "last-administrator",
        100,
        409,
        "There must be an administrator",
        "{email} is the last administrator; without one nobody could manage people.",
        "Make somebody else an administrator first: `{server} user role EMAIL administrator`.",
    ),
    "InvitationOverError": Problem(
        "invitation-over",
        101,
        410,
        "The invitation does not hold",
        "The invitation was used, withdrawn or replaced by a later one, or its days are over.",
        "Ask an administrator of the licence server for another.",
    ),
    "OpenIdRefusedError": Problem(
        "openid-refused",
        102,
        403,
        "The provider's word lets nobody in",
        "Signing in with the provider did not succeed: {reason}.",
        "Begin again at the desk's sign-in page; if it fails again, ask an administrator.",
    ),
    "OpenIdUnavailableError": Problem(
        "openid-unavailable",
        103,
        503,
        "The provider does not answer",
        "The OpenID provider cannot be asked: {reason}.",
        "Try again in a minute, or sign in with a password.",
    ),
    "SheetInvalidError": Problem(
        "sheet-invalid",
        110,
        422,
        "The CSV file cannot be read",
        "Line {line} of the CSV file: {reason}.",
        "Correct the line; docs/API.md names the columns.",
    ),
    "ImportRefusedError": Problem(
        "import-refused",
        111,
        409,
        "Lines of the file are wrong; nothing was issued",
        "{wrong} of {lines} lines of {path} are wrong, the first in line {first}; nothing was issued.",
        "Correct them, or add `--skip-wrong` to issue the others; `--report FILE` lists them.",
    ),
}

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
    "host-has-licence": Remark(
        "warning",
        "This host has a licence for {product} already: {number} for {customer}; it stays valid "
        "beside the new one.",
        "If the new one is meant instead of it, name {number} as the one to be replaced: `--replaces {number}`, or “Replaces” in the form.",
    ),
    "host-of-another-customer": Remark(
        "warning",
        "This host has a licence of another customer: {number} for {customer}.",
        "Ask whose host it is before you issue.",
    ),
    "customer-new": Remark(
        "note",
        "Nothing was issued to {customer} before.",
        "Is the name written as you always write it?",
    ),
    "customer-alike": Remark(
        "warning",
        "There is a customer whose name is nearly {customer}: {alike}.",
        "If the same is meant, write the name as it stands there; a second customer would be added.",
    ),
    "former-host-keeps-file": Remark(
        "warning",
        "The former host {host} keeps its file of {number}, which stays valid there {until}, or until "
        "the next list of revoked licences is put there.",
        "Ask the operator to delete conf/license.dat on the former host, and to confirm that it is done.",
    ),
    "product-new": Remark(
        "warning",
        "Nothing was issued for the product {product} before.",
        "It must be the name in the product's hostseal.toml, or the licence is refused there.",
    ),
    "gpus-more-than-licensed": Remark(
        "warning",
        "The host has {present} GPUs; the licence allows {allowed}.",
        "License as many as there are, or have fewer of them made visible there.",
    ),
    "needs-approval": Remark(
        "note",
        "Licences for {product} are issued once a second person has approved them.",
        "It waits for an approver.",
    ),
}
