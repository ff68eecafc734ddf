"""What tests stand on: a real PostgreSQL, a PKI made in memory, agencies that speak to the node."""
