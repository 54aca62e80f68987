"""The database engine of the embedded start; with DATABASE_URL set, Django's own is used."""
