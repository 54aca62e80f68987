"""Jurisdictions' rulebooks, participants, licences, registers of assets and products."""
