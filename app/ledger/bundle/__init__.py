"""Evidence bundles: what one holds, and checking it with nothing but the keys one trusts."""
