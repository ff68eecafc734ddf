"""Subscriptions as they are kept: from rows of the table to values, and back."""

from collections.abc import Mapping
from typing import Any

from app.edxml.organ_id import OrganId
from app.webhooks.model import DisabledReason, SealedKeys, Signing, Webhook, WebhookStatus
from app.webhooks.topics import Topic


def webhook_of(row: Any) -> Webhook:
    """Return the subscription in a row of the table."""
    return Webhook(
        id=row.id,
        client_id=row.client_id,
        url=row.url,
        description=row.description,
        events=frozenset(Topic(name) for name in row.events),
        agencies=frozenset(OrganId.parse(code) for code in row.agencies),
        signing=Signing(row.signing),
        status=WebhookStatus(row.status),
        disabled_reason=DisabledReason(row.disabled_reason) if row.disabled_reason else None,
        created_at=row.created_at,
        updated_at=row.updated_at,
        version=row.version,
    )


def keys_of(row: Any) -> SealedKeys:
    """Return the keys in a row of the table."""
    return SealedKeys(Signing(row.signing), row.secret, row.earlier_secret, row.earlier_secret_until)


def columns(webhook: Webhook) -> Mapping[str, Any]:
    """Return the columns of a subscription that changes of it touch."""
    return {
        "id": webhook.id,
        "client_id": webhook.client_id,
        "url": webhook.url,
        "description": webhook.description,
        "events": sorted(webhook.events),
        "agencies": sorted(code.text for code in webhook.agencies),
        "status": webhook.status.value,
        "disabled_reason": webhook.disabled_reason.value if webhook.disabled_reason else None,
        "updated_at": webhook.updated_at,
        "version": webhook.version,
    }


def key_columns(keys: SealedKeys) -> Mapping[str, Any]:
    """Return the columns of its keys."""
    return {
        "signing": keys.signing.value,
        "secret": keys.current,
        "earlier_secret": keys.earlier,
        "earlier_secret_until": keys.earlier_until,
    }
