"""Webhooks: which client's server is told of which event, and that it is told, after Standard Webhooks."""
