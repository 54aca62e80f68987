"""The settings of a house of the tests: the house's own, but passwords cost little to keep."""

from config.settings import *  # noqa: F403

PASSWORD_HASHERS = ["tests.hashing.QuickArgon2"]
