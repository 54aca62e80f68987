"""What ARCHITECTURE says of the house's size."""

from pathlib import Path

from django.apps import apps
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
LONGEST = 450
CELLAR = 15


def test_a_file_that_grew_too_long_is_a_package() -> None:
    rooms = [Path(app.path) for app in apps.get_app_configs() if Path(app.path).parent == ROOT]
    assert len(rooms) > 5
    files = [path for room in [*rooms, ROOT / "config"] for path in room.rglob("*.py")]
    lines = {
        path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines()) for path in files
    }
    assert not {name: long for name, long in lines.items() if long > LONGEST}


def test_the_cellar_holds_no_more_modules() -> None:
    held = {
        path.stem for path in (ROOT / "common").iterdir() if path.suffix == ".py" or path.is_dir()
    }
    apart = {"__init__", "__pycache__", "management", "migrations", "sql", "static", "templates"}
    assert len(held - apart) == CELLAR
