"""The real command, except that keys and passwords that it makes cost little to open."""

import sys

from argon2 import PasswordHasher

from license_server.access import passwords
from license_server.cli import main
from license_server.signing.signers import pkcs8

pkcs8.COST = pkcs8.Cost(2**10, 8, 1)  # keys that tests make are opened all the time
passwords.HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)  # as are passwords

if __name__ == "__main__":
    sys.exit(main.main())
