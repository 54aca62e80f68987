"""What the tests of the books share beside `tests/conftest.py`."""

from collections.abc import Iterator

import pytest

from tests.ledger.books import Books


@pytest.fixture
def proven(books: Books) -> Iterator[None]:
    """Prove every invariant of the books when the test is over."""
    yield
    assert books.violations() == []
