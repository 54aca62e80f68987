"""What is wrong with an XML file by its schema: as much of XSD as the house's own schemas use.

Sequences of elements, attributes, and simple types by pattern, enumeration and length. What a
schema uses beyond that is an error here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

XS = "{http://www.w3.org/2001/XMLSchema}"


def _day(text: str) -> None:
    date.fromisoformat(text)


def _like(pattern: str) -> Callable[[str], None]:
    def check(text: str) -> None:
        if re.fullmatch(pattern, text) is None:
            raise ValueError(text)

    return check


_BUILT_IN: dict[str, Callable[[str], None]] = {
    "xs:string": str,  # type: ignore[dict-item]
    "xs:date": _day,
    "xs:gYear": _like("[0-9]{4}"),
    "xs:positiveInteger": _like("[1-9][0-9]*"),
    "xs:nonNegativeInteger": _like("[0-9]+"),
}


def faults(schema: Path, document: bytes) -> list[str]:
    """Return what is wrong; raises ParseError if the document is not well-formed."""
    root = ElementTree.fromstring(schema.read_text())  # noqa: S314  (our own)
    named = {each.get("name", ""): each for each in root}
    top = root.find(f"{XS}element")
    assert top is not None
    space = root.get("targetNamespace")
    return list(_element(ElementTree.fromstring(document), top, named, f"{{{space}}}"))  # noqa: S314


def _element(
    found: Element, declared: Element, named: dict[str, Element], space: str
) -> Iterator[str]:
    if found.tag != space + declared.get("name", ""):
        yield f"{found.tag} where {declared.get('name')} is to be"
        return
    kind = declared.find(f"{XS}complexType")
    if kind is None:
        kind = named[declared.get("type", "")]
    assert {each.tag for each in kind} <= {
        f"{XS}{tag}" for tag in ("annotation", "sequence", "attribute")
    }
    yield from _attributes(found, kind, named)
    children = list(found)
    for each in kind.iterfind(f"{XS}sequence/{XS}element"):
        many = each.get("maxOccurs") == "unbounded"
        least, count = int(each.get("minOccurs", "1")), 0
        while children and children[0].tag == space + each.get("name", "") and (many or not count):
            yield from _element(children.pop(0), each, named, space)
            count += 1
        if count < least:
            yield f"{found.tag} lacks {each.get('name')}"
    yield from (f"{found.tag} has a stray {each.tag}" for each in children)


def _attributes(found: Element, kind: Element, named: dict[str, Element]) -> Iterator[str]:
    left = dict(found.attrib)
    for each in kind.iterfind(f"{XS}attribute"):
        name = each.get("name", "")
        text = left.pop(name, None)
        if text is None:
            if each.get("use") == "required":
                yield f"{found.tag} lacks {name}"
            continue
        fixed = each.get("fixed")
        if fixed is not None and text != fixed:
            yield f"{name} is {text}, not {fixed}"
        yield from _simple(name, text, each.get("type", ""), named)
    yield from (f"{found.tag} has a stray {name}" for name in left)


def _simple(name: str, text: str, kind: str, named: dict[str, Element]) -> Iterator[str]:
    if kind in _BUILT_IN:
        try:
            _BUILT_IN[kind](text)
        except ValueError:
            yield f"{name} is no {kind}: {text}"
        return
    rule = named[kind].find(f"{XS}restriction")
    assert rule is not None
    assert rule.get("base") == "xs:string"
    told: dict[str, list[str]] = {}
    for facet in rule:
        told.setdefault(facet.tag.removeprefix(XS), []).append(facet.get("value", ""))
    assert set(told) <= {"pattern", "enumeration", "maxLength"}
    if "pattern" in told and not any(re.fullmatch(each, text) for each in told["pattern"]):
        yield f"{name} is no {kind}: {text}"
    if "enumeration" in told and text not in told["enumeration"]:
        yield f"{name} is none of {told['enumeration']}: {text}"
    if "maxLength" in told and len(text) > int(told["maxLength"][0]):
        yield f"{name} is too long: {text}"
