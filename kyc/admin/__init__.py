"""The pages of the section "Clients". Personal data are masked here, whoever looks."""

from kyc.admin import clients, records

__all__ = ["clients", "records"]
