"""Every table of the node, a module a room.

Codes of agencies are kept as written in the registry; moments are UTC; ids are UUIDv7, so that insertion order and key
order agree closely enough for B-trees. What orders rows for readers is never the id but `position`, the index the
ledger gave.
"""

from app.store.schema.access import clients, idempotency_keys, mistakes, system_keys, used_assertions
from app.store.schema.conventions import ORGAN_ID_LENGTH, TERM_LENGTH, metadata
from app.store.schema.exchange import (
    OVERDUE,
    deliveries,
    document_links,
    document_terms,
    documents,
    inspections,
    status_reports,
    term_cursor,
    timestamp_batches,
    timestamp_members,
    verification_reports,
)
from app.store.schema.log import (
    NOBODYS_REFUSAL,
    REFUSED,
    checkpoints,
    cosignatures,
    event_blocks,
    events,
    ledger_state,
    ledger_tiles,
)
from app.store.schema.months import (
    FIGURE_KEY,
    MEASURES,
    closed_months,
    counted_months,
    durations,
    figures,
    rolled_figures,
)
from app.store.schema.registry import (
    ORDER_INDEX,
    agencies,
    agency_aliases,
    agency_history,
    agency_terms,
    reorganisations,
)
from app.store.schema.trust import (
    authorities,
    certificates,
    crls,
    evidence,
    ocsp_answers,
    registry_versions,
    revocation_sources,
    revocations,
    trust_anchors,
)
from app.store.schema.webhook import webhook_attempts, webhook_cursor, webhook_messages, webhooks

__all__ = [
    "FIGURE_KEY",
    "MEASURES",
    "NOBODYS_REFUSAL",
    "ORDER_INDEX",
    "ORGAN_ID_LENGTH",
    "OVERDUE",
    "REFUSED",
    "TERM_LENGTH",
    "agencies",
    "agency_aliases",
    "agency_history",
    "agency_terms",
    "authorities",
    "certificates",
    "checkpoints",
    "clients",
    "closed_months",
    "cosignatures",
    "counted_months",
    "crls",
    "deliveries",
    "document_links",
    "document_terms",
    "documents",
    "durations",
    "event_blocks",
    "events",
    "evidence",
    "figures",
    "idempotency_keys",
    "inspections",
    "ledger_state",
    "ledger_tiles",
    "metadata",
    "mistakes",
    "ocsp_answers",
    "registry_versions",
    "reorganisations",
    "revocation_sources",
    "revocations",
    "rolled_figures",
    "status_reports",
    "system_keys",
    "term_cursor",
    "timestamp_batches",
    "timestamp_members",
    "trust_anchors",
    "used_assertions",
    "verification_reports",
    "webhook_attempts",
    "webhook_cursor",
    "webhook_messages",
    "webhooks",
]
