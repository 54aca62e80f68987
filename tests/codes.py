"""Which codes a module knows: what explains each of them in words is held complete by it."""

import ast
import inspect
import re
from types import ModuleType

_CODE = re.compile(r"[A-Z]+(_[A-Z]+)+")


def codes_in(module: ModuleType) -> set[str]:
    """Return the strings of the module that look like codes."""
    tree = ast.parse(inspect.getsource(module))
    texts = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and n.value}
    return {text for text in texts if isinstance(text, str) and _CODE.fullmatch(text)}
