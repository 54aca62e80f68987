"""The pages of the section "Desk"."""

from desk.admin import cash, market, orders

__all__ = ["cash", "market", "orders"]
