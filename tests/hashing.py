"""How the tests keep passwords: hundreds of them make somebody who has one."""

from django.contrib.auth import hashers


class QuickArgon2(hashers.Argon2PasswordHasher):
    """The house's own hasher, made to work as little as it can."""

    time_cost = 1
    memory_cost = 8
    parallelism = 1
