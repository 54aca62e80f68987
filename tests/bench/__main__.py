"""Speed, as ratios of a limit that is measured in the same run: `python -m tests.bench`.

Prints one JSON object a line: `name`, `value`, `unit`, and where it is compared `of`, `ratio`,
`limit` and `ok`. Only ratios count: they hold on any machine. Exits with 1 if a limit is missed.
The measured things: `ledger.py`, `orders.py` and `reports.py` beside this.
"""

import argparse
import json
import sys
from importlib import import_module

from tests.bench import house

BENCHES = ("ledger", "orders", "reports")


def main() -> int:
    """Measure all, or one, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", choices=BENCHES, help="this one alone")
    parser.add_argument("--seconds", type=int, default=20, help="how long each measurement runs")
    asked = parser.parse_args()
    missed = False
    with house.opened() as where:
        for name in [asked.only] if asked.only else BENCHES:
            bench = import_module(f"tests.bench.{name}")  # its Django works in that database
            for result in bench.measure(where, asked.seconds):
                sys.stdout.write(json.dumps(result) + "\n")
                sys.stdout.flush()
                missed |= not result.get("ok", True)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
