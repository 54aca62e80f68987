"""Lots, disposals, withholding, certificates and remittance."""
