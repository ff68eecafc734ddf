"""Figures of webhooks for Prometheus: attempts by how they ended."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class Figures:
    """The figures of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._attempts = Counter(
            "truc_webhook_attempts_total",
            "Attempts to deliver a message, by outcome: delivered, failed.",
            ("outcome",),
            registry=self.registry,
        )
        self._messages = Counter(
            "truc_webhook_messages_total", "Messages made for subscribers by this process.", registry=self.registry
        )
        self._waiting = Gauge(
            "truc_webhook_messages_waiting",
            "Messages in the database that wait to be taken, counted to 10,000; as of the last look.",
            registry=self.registry,
        )
        for outcome in ("delivered", "failed"):
            self._attempts.labels(outcome)

    def attempted(self, *, delivered: bool) -> None:
        """Count one attempt."""
        self._attempts.labels("delivered" if delivered else "failed").inc()

    def made(self, messages: int) -> None:
        """Count messages that were made."""
        self._messages.inc(messages)

    def waiting(self, messages: int) -> None:
        """Note how many messages wait."""
        self._waiting.set(messages)
