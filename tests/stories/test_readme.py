"""A newcomer's first hour: the README's commands, taken from the file and run as printed."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest

from tests.houses import CHECKOUT, House

README = (CHECKOUT / "README.md").read_text()
ADDRESS = "http://127.0.0.1:8000"  # what the file says; another port is taken where it is in use


def commands() -> list[str]:
    """Return the blocks of shell commands, in their order."""
    return re.findall(r"^```sh\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def answers(text: str) -> list[Any]:
    """Return the documents in what the commands print, one after the other."""
    found, decoder = [], json.JSONDecoder()
    while (begin := text.find("{")) >= 0:
        document, end = decoder.raw_decode(text[begin:])
        found.append(document)
        text = text[begin + end :]
    return found


@pytest.mark.timeout(900)
def test_the_readmes_commands_do_what_it_says(demo: House) -> None:
    script = "".join(f"{block}\necho\n" for block in commands())
    assert script.count(ADDRESS) == 1
    run = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script.replace(ADDRESS, demo.address)],
        cwd=CHECKOUT,
        env=demo.environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    identified, approved, account, deposit, order = answers(run.stdout)
    assert identified["status"] == "IDENTIFIED"
    assert approved["client"]["status"] == "OPEN"
    assert account["client_id"] == deposit["client_id"] == order["client_id"]
    assert order["client_id"] in run.stdout.splitlines()  # as it was shown for a look
    assert deposit["amount_rub"] == "40000.00"
    assert (order["status"], order["amount_rub"]) == ("FILLED", "10000.00")
    register = run.stdout.index("date,kind,at,")
    assert len(run.stdout[register:].split("\n\n")[0].splitlines()) == 3
    assert "invariants hold in 2 banks." in run.stdout


def test_the_readme_names_no_file_that_is_not_there() -> None:
    for path in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (CHECKOUT / path).exists(), path
