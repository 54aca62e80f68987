"""The pages of the section "Licensing": the registers, and what the state and a bank do on them."""

from licensing.admin import licences, registers
from licensing.admin.licences import TONES

__all__ = ["TONES", "licences", "registers"]
