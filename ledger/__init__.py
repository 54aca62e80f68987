"""The books: accounts, journal, holds and day closes. Knows money, not what it is for."""
