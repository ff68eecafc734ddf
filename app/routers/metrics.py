"""Figures for Prometheus: how many requests of which route ended how, and how long they took.

Labels are route templates, never paths: their number is bounded by the API, not by its users.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from app.ledger.standing import Standing
from app.registry.revocation_sources import RevocationSource

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"})
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """The figures of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "truc_http_requests_total", "Requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "truc_http_request_seconds",
            "Seconds from the first byte of a request to the last of its answer.",
            ("method", "route"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        # Finding a figure by its labels costs more than counting; as many are kept as there are figures.
        self._known: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def count_request(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request; status 0 is one whose client left before an answer began."""
        found = self._known.get((method, route, status))
        if found is None:
            known = method if method in _METHODS else "other"
            found = self._requests.labels(known, route, str(status)), self._seconds.labels(known, route)
            if known == method:
                self._known[(method, route, status)] = found
        requests, durations = found
        requests.inc()
        durations.observe(seconds)

    def exposition(self, *others: CollectorRegistry) -> bytes:
        """Return all figures, and those of other registries, in the text format of Prometheus."""
        return b"".join(map(generate_latest, (self.registry, *others)))


def inspections(waiting: int) -> CollectorRegistry:
    """Make the figure of documents whose attachments wait, from the database, so that each process shows the same."""
    registry = CollectorRegistry()
    gauge = Gauge("truc_inspections_waiting", "Documents whose PDFs wait to be looked into.", registry=registry)
    gauge.set(waiting)
    return registry


def ledger(found: Standing, *, doubted: bool, at: datetime) -> CollectorRegistry:
    """Make the figures of the ledger from the database, so that each process shows the same."""
    registry = CollectorRegistry()
    leased = found.lease_until is not None and at < found.lease_until
    shown = {
        "truc_ledger_size": ("Sealed events.", found.size),
        "truc_ledger_published_size": ("Events the newest checkpoint covers.", found.published or 0),
        "truc_ledger_waiting": ("Events that wait to be sealed, counted to 10,000.", found.waiting),
        "truc_ledger_unsealed_seconds": ("For how long the oldest of them waits.", found.unsealed_seconds(now=at)),
        "truc_ledger_unsigned_seconds": (
            "For how long sealed events wait to be signed.",
            found.unsigned_seconds(now=at),
        ),
        "truc_ledger_leased": ("1 while a process has the lease to seal.", int(leased)),
        "truc_ledger_epoch": ("How often another process took over sealing.", found.epoch),
        "truc_ledger_not_continued": ("1 where the database does not continue what was signed.", int(doubted)),
    }
    for name, (described, value) in shown.items():
        Gauge(name, described, registry=registry).set(value)
    return registry


def freshness(sources: Iterable[RevocationSource], *, at: datetime) -> CollectorRegistry:
    """Make the figures of sources of revocations as they are at a moment.

    From the database, not from what this process did: whichever process fetched, each shows the same.
    """
    registry = CollectorRegistry()
    labels = ("issuer", "kind", "source")
    fresh = Gauge(
        "truc_revocations_fresh_seconds",
        "Seconds until what is known of an authority's revocations is out of date; negative: since when it is.",
        labels,
        registry=registry,
    )
    failures = Gauge(
        "truc_revocations_failures",
        "Failures in a row of a source of revocations.",
        labels,
        registry=registry,
    )
    for source in sources:
        named = (source.issuer, source.kind.value, source.sha256[:16])
        failures.labels(*named).set(source.failures)
        if source.fresh_until is not None:
            fresh.labels(*named).set((source.fresh_until - at).total_seconds())
    return registry


def endings(counts: Mapping[int, int]) -> CollectorRegistry:
    """Make the figures of certificates that end soon.

    Args:
        counts: certificates in use by the days they end within.
    """
    registry = CollectorRegistry()
    gauge = Gauge(
        "truc_certificates_expiring",
        "Certificates of agencies, in use, that end within so many days.",
        ("days",),
        registry=registry,
    )
    for days, count in counts.items():
        gauge.labels(str(days)).set(count)
    return registry
