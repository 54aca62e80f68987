"""Clients: identification, screening, suitability, risk and transaction monitoring."""
