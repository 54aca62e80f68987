from collections.abc import Iterator

import pytest

from config import run
from tests.serving import environment, served


@pytest.fixture(scope="session")
def address(house: None) -> Iterator[str]:
    """The house as `make run` serves it, on the database of the tests."""
    with served(environ=environment()) as port:
        yield f"http://{run.HOST}:{port}"
