"""A list of sanctioned parties that names nobody real: what `loadlist --source fictional` loads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from kyc.lists import Party

_FILE = Path(__file__).parent / "data" / "fictional_list.json"


class FictionalList:
    """The list in `simulation/data/fictional_list.json`, invented from end to end."""

    def parties(self) -> Sequence[Party]:
        """Return every party of the list."""
        return [
            Party(
                ref=row["ref"],
                kind=row["kind"],
                names=tuple(row["names"]),
                births=tuple(row.get("births", ())),
                programme=row["programme"],
            )
            for row in json.loads(_FILE.read_text())["parties"]
        ]
