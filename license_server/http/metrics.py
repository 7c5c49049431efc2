"""Prometheus metrics of this process. No label holds text from outside."""

from collections.abc import Callable, Mapping
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from license_server.db.database import Committed
from license_server.http import shared_counts
from license_server.licenses.acts import ACTS
from license_server.licenses.statistics import SOON_DAYS
from license_server.signing.issuer import Issuer

MEDIA_TYPE = CONTENT_TYPE_LATEST
_OfSeveral = Literal["livemin", "livesum", "livemostrecent"]
"""What a figure is of several processes that run: the least, the sum, what was said last."""
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_ISSUING = {act.event for act in ACTS.values() if act.issues}
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SHARED = {
    "backup_timestamp_seconds": "When the last backup was made by license-server backup; 0: none.",
    "licenses_valid": "Licences that are valid, those in their grace period left out.",
    "licenses_ending": f"Those of them whose last day is within {SOON_DAYS} days.",
    "revocations_expiry_timestamp_seconds": "When the revocation list in force expires; "
    "0: none was published.",
    "revocations_waiting_timestamp_seconds": "Since when a licence waits for the next revocation "
    "list; 0: none does.",
    "queue_requests": "Requests of operators that nobody has dealt with yet.",
    "queue_oldest_timestamp_seconds": "When the oldest of them came; 0: there is none.",
    "mailbox_read_timestamp_seconds": "When the mailbox was last read to its end, by any process; "
    "0: never.",
    "mailbox_failing_timestamp_seconds": "Since when no process can read the mailbox to its end; "
    "0: it can be read.",
    "outbox_mails_waiting": "Mails that are not sent yet and will be by themselves.",
    "outbox_oldest_timestamp_seconds": "When the oldest of them was queued; 0: there is none.",
    "outbox_mails_undecided": "Mails that were perhaps sent, or are held: a person decides.",
    "webhook_deliveries_due": "Deliveries that webhooks are to be sent by now.",
    "webhook_deliveries_failed": "Deliveries that were given up and are still kept.",
    "webhooks_paused": "Webhooks that are sent nothing, asked for or not.",
}
"""What is in the database, and so is the same at each process."""


class Metrics:
    """What one server process counts."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "hostseal_requests",
            "Requests answered.",
            ("route", "method", "status"),
            registry=registry,
        )
        self._seconds = Histogram(
            "hostseal_request_seconds",
            "Time from the first byte of a request to the last byte of its response.",
            ("route", "method"),
            buckets=_SECONDS,
            registry=registry,
        )
        self._events = Counter(
            "hostseal_events",
            "Actions committed by this process.",
            ("action",),
            registry=registry,
        )
        self._issued = Counter(
            "hostseal_licenses_issued",
            "Licences signed and committed by this process, renewals included.",
            registry=registry,
        )
        self._sign_ins = Counter(
            "hostseal_sign_ins_refused",
            "Sign-ins to the desk that this process refused.",
            ("slug",),
            registry=registry,
        )
        self._signatures = Counter(
            "hostseal_signatures", "Signatures made with the signing key.", registry=registry
        )
        self._signing = Histogram(
            "hostseal_signature_seconds",
            "Time that the signing key took for a signature, in its token or service, too.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._unsigned = Counter(
            "hostseal_signatures_failed",
            "Attempts to sign that came to nothing: the key was gone, slow or refused.",
            registry=registry,
        )

        def gauge(name: str, told: str, of_several: _OfSeveral = "livemin") -> Gauge:
            return Gauge(name, told, registry=registry, multiprocess_mode=of_several)

        self._key_ends = gauge(
            "hostseal_signing_key_expiry_timestamp_seconds",
            "When this process's signing key expires in the keyset; 0: the keyset lacks the key.",
        )
        self._keyset_ends = gauge(
            "hostseal_keyset_expiry_timestamp_seconds",
            "When the last active key of the keyset expires, or the keyset itself.",
        )
        self._keyset = gauge(
            "hostseal_keyset_version",
            "Version of the keyset that this process uses.",
        )
        self._ledger = Gauge(
            "hostseal_ledger_info",
            "1. Servers with the same keys have one server; two of ledger are two databases.",
            ("server", "ledger"),
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._shared = {
            name: gauge(f"hostseal_{name}", told, "livemostrecent") for name, told in SHARED.items()
        }
        self._queue = gauge(
            "hostseal_writer_queue", "Actions waiting for the database writer.", "livesum"
        )
        self._waiting: Callable[[], int] = lambda: 0

    def request(self, route: str | None, method: str, status: int, seconds: float) -> None:
        """Count an answer. *route* is the template, None where there is no such route."""
        method = method if method in _METHODS else "other"
        self._requests.labels(route or "none", method, str(status)).inc()
        self._seconds.labels(route or "none", method).observe(seconds)
        self._queue.set(self._waiting())

    def sign_in_refused(self, slug: str) -> None:
        """Count somebody who could not sign in, by the problem that they were told."""
        self._sign_ins.labels(slug).inc()

    def note(self, seconds: float) -> None:
        """Count a signature, which took *seconds*."""
        self._signatures.inc()
        self._signing.observe(seconds)

    def note_failure(self) -> None:
        """Count a signature that could not be made."""
        self._unsigned.inc()

    def watch(self, committed: list[Committed], waiting: Callable[[], int]) -> None:
        """Count the acts of each transaction that is *committed*, and what waits for the writer."""
        committed.append(self._committed)
        self._waiting = waiting

    def _committed(self, acts: Mapping[str, int]) -> None:
        for action, times in acts.items():
            self._events.labels(action).inc(times)
            if action in _ISSUING:
                self._issued.inc(times)

    def keys(self, issuer: Issuer) -> None:
        """Tell until when the signing key may sign."""
        keyset, ours = issuer.keyset.keyset, issuer.signer.public_key
        self._key_ends.set(next((one.exp for one in keyset.keys if one.key == ours), 0))
        last = max((one.exp for one in keyset.keys if one.state == "active"), default=0)
        self._keyset_ends.set(last if keyset.exp is None else min(last, keyset.exp))
        self._keyset.set(keyset.version)

    def ledger(self, server: str, name: str) -> None:
        """Tell which database this process uses: *server* is the id of the audit log's key."""
        self._ledger.labels(server, name).set(1)

    def shared(self, figures: Mapping[str, int | None]) -> None:
        """Tell *figures* of SHARED, as the database has them now; None: 0."""
        for name, value in figures.items():
            self._shared[name].set(value or 0)

    def text(self) -> bytes:
        """All figures, as MEDIA_TYPE has it: of all workers, where there are several."""
        self._queue.set(self._waiting())
        shared = shared_counts.are_shared()
        return generate_latest(shared_counts.all_counted() if shared else self._registry)
