"""The rulebook: dated parameters of the law, a regime's overlay above the general law.

Pure values. Where the parameters are written down: `licensing/rulebooks/`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from common import errors

STATUSES = ("enacted", "proposed", "recommendation", "standard", "assumption")

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


@dataclasses.dataclass(frozen=True, slots=True)
class Parameter:
    """A number of the law and when it binds: from `valid_from` to before `valid_to` (None: open).

    `value` is a Decimal (money in roubles, shares of one), int, bool, str, a tuple or a mapping of
    these. `status` says whether it is law, `source` where it is from and how sure that is.
    """

    code: str
    value: Any
    unit: str
    valid_from: date
    valid_to: date | None
    status: str
    source: str

    def binds(self, on: date) -> bool:
        """Say whether it is in force on a day."""
        return self.valid_from <= on and (self.valid_to is None or on < self.valid_to)


@dataclasses.dataclass(frozen=True, slots=True)
class Rulebook:
    """A regime: what its overlay says, and where it is silent the general law."""

    regime: str
    overlay: Mapping[str, Sequence[Parameter]]
    general: Mapping[str, Sequence[Parameter]]

    def value(self, code: str, on: date) -> Any:
        """Return what a parameter is on a day.

        Raises: RULE_UNKNOWN: neither layer says it; there are no defaults.
        """
        return self.parameter(code, on).value

    def parameter(self, code: str, on: date) -> Parameter:
        """Return the parameter in force on a day. Raises: RULE_UNKNOWN."""
        for layer in (self.overlay, self.general):
            for parameter in layer.get(code, ()):
                if parameter.binds(on):
                    return parameter
        raise errors.Refused(
            "RULE_UNKNOWN", {"parameter": code, "regime": self.regime, "on": on.isoformat()}
        )

    def parameters(self, on: date) -> Iterator[Parameter]:
        """Yield every parameter in force on a day, by code."""
        for code in sorted({*self.overlay, *self.general}):
            for layer in (self.overlay, self.general):
                binding = [parameter for parameter in layer.get(code, ()) if parameter.binds(on)]
                if binding:
                    yield binding[0]
                    break


def read(written: Mapping[str, Any]) -> Mapping[str, Sequence[Parameter]]:
    """Return a layer's parameters as a file writes them: each ends where its next begins."""
    return MappingProxyType(
        {
            code: tuple(_dated(code, entry["unit"], entry["values"]))
            for code, entry in written.items()
        }
    )


def _dated(code: str, unit: str, values: Sequence[Mapping[str, Any]]) -> Iterator[Parameter]:
    ends = [value["from"] for value in values[1:]] + [None]
    for value, end in zip(values, ends, strict=True):
        assert end is None or value["from"] < end, f"{code} is not in the order of its dates"
        assert value["status"] in STATUSES, f"{code} has the status {value['status']}"
        yield Parameter(
            code, _value(value["value"]), unit, value["from"], end, value["status"], value["source"]
        )


def _value(written: Any) -> Any:
    if isinstance(written, str) and _NUMBER.fullmatch(written):
        return Decimal(written)
    if isinstance(written, list):
        return tuple(_value(each) for each in written)
    if isinstance(written, dict):
        return MappingProxyType({name: _value(each) for name, each in written.items()})
    return None if written == "" else written
