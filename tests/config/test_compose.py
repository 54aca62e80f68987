"""The compose file: what its schema cannot say."""

import re
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from django import urls

CHECKOUT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("migrate", "web", "worker", "beat", "desk")
PROGRAMS = "".join(
    (CHECKOUT / "config" / name).read_text() for name in ("settings.py", "provision.py")
)


def addresses(service: str) -> dict[str, str]:
    """The databases' addresses that a service is told, each with its user."""
    environment = SERVICES[service]["environment"]
    return {
        name: str(urlsplit(re.sub(r"\$\{[^}]*\}", "x", value)).username)
        for name, value in environment.items()
        if name.endswith("DATABASE_URL")
    }


def test_house_has_all_its_services() -> None:
    assert set(SERVICES) == {"db", "redis", *OURS}


@pytest.mark.parametrize("service", SERVICES)
def test_image_is_pinned(service: str) -> None:
    _, _, tag = SERVICES[service]["image"].partition(":")
    assert re.match(r"[0-9]+", tag)


@pytest.mark.parametrize("service", OURS)
def test_our_image_is_of_this_version(service: str) -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    assert SERVICES[service]["image"] == f"perimeter:{project['version']}"


def test_dockerfile_takes_the_projects_python_and_the_locked_packages() -> None:
    dockerfile = (CHECKOUT / "Dockerfile").read_text()
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    version = project["requires-python"].removeprefix("==").removesuffix(".*")
    assert f"FROM python:{version}-slim\n" in dockerfile
    assert "--require-hashes --requirement requirements.lock" in dockerfile


def test_image_holds_every_room_and_nothing_beside() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    rooms = {f"!{package}/" for package in project["tool"]["importlinter"]["root_packages"]}
    listed = set((CHECKOUT / ".dockerignore").read_text().split())
    assert listed == rooms | {"*", "!manage.py", "!requirements.lock", "**/__pycache__/"}


def test_image_runs_as_nobody_in_particular() -> None:
    users = re.findall(r"^USER (.*)$", (CHECKOUT / "Dockerfile").read_text(), re.MULTILINE)
    assert users == ["10001:10001"]


@pytest.mark.parametrize("service", ["web", "worker", "beat", "desk"])
def test_service_connects_as_the_applications_role_alone(service: str) -> None:
    assert addresses(service) == {"DATABASE_URL": "perimeter_app"}


def test_only_migrate_knows_the_owner_and_the_administrator() -> None:
    assert addresses("migrate") == {
        "DATABASE_URL": "perimeter_app",
        "OWNER_DATABASE_URL": "perimeter_owner",
        "ADMIN_DATABASE_URL": "postgres",
    }


@pytest.mark.parametrize("service", [name for name in SERVICES if name != "migrate"])
def test_service_that_stays_has_a_health_check_and_is_restarted(service: str) -> None:
    assert SERVICES[service]["healthcheck"]["test"]
    assert SERVICES[service]["restart"] == "unless-stopped"


def test_web_is_asked_at_an_address_that_it_serves() -> None:
    [address] = re.findall(r'"(http://[^"]+)"', SERVICES["web"]["healthcheck"]["test"][-1])
    urls.resolve(urlsplit(address).path)
    assert urlsplit(address).hostname in SERVICES["web"]["environment"]["ALLOWED_HOSTS"].split(",")


@pytest.mark.parametrize("service", ["worker", "beat", "desk"])
def test_process_is_looked_for_where_it_shows_life(service: str) -> None:
    file = SERVICES[service]["environment"]["HEARTBEAT_FILE"]
    assert f"find {file} " in SERVICES[service]["healthcheck"]["test"][1]
    assert any(file.startswith(f"{folder}/") for folder in SERVICES[service]["tmpfs"])


@pytest.mark.parametrize("service", ["web", "worker", "beat", "desk"])
def test_service_waits_for_the_migration(service: str) -> None:
    waits = SERVICES[service]["depends_on"]
    assert waits["migrate"]["condition"] == "service_completed_successfully"


@pytest.mark.parametrize("service", OURS)
def test_service_can_write_nothing_and_gain_nothing(service: str) -> None:
    assert SERVICES[service]["read_only"]
    assert SERVICES[service]["cap_drop"] == ["ALL"]
    assert "volumes" not in SERVICES[service]


@pytest.mark.parametrize("service", OURS)
def test_service_is_told_only_what_the_program_reads(service: str) -> None:
    unread = [name for name in SERVICES[service]["environment"] if f'"{name}"' not in PROGRAMS]
    assert not unread


def test_every_secret_is_required_and_none_is_written_down() -> None:
    text = (CHECKOUT / "docker-compose.yml").read_text()
    secrets = re.findall(r"\$\{(\w*(?:PASSWORD|SECRET)\w*)([^}]*)\}", text)
    assert {name for name, _ in secrets} == {
        *("POSTGRES_PASSWORD", "OWNER_PASSWORD", "APP_PASSWORD", "REDIS_PASSWORD", "SECRET_KEY"),
    }
    assert {rest for _, rest in secrets} == {":?"}
    for service in SERVICES.values():
        for name, value in service["environment"].items():
            if re.search("PASSWORD|SECRET|AUTH", name):
                assert re.fullmatch(r"\$\{\w+:\?\}", value)


@pytest.mark.parametrize("service", SERVICES)
def test_only_the_web_is_reached_from_outside_and_from_this_machine_alone(service: str) -> None:
    ports = SERVICES[service].get("ports", [])
    assert ports == (["127.0.0.1:${PORT:-8000}:8000"] if service == "web" else [])
