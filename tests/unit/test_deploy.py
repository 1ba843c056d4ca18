"""What is shipped for servers, read as files: compose, proxies, units. None of it is started here."""

import configparser
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot import RELEASE, settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
OURS = {"proxy": None, "prepare": "bot", "bot": "bot", "rasa": "rasa", "actions": "actions"}
KEPT = {"database", "certificates"}
HOSTS = {"var/sealing.key", "var/rasa.token"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yml").read_text("utf-8"))
    return found


def variables(text: str) -> set[str]:
    return set(re.findall(r"\$\{([A-Z_]+)", text))


def documented() -> set[str]:
    """The variables that .env.example says are compose's."""
    _, _, section = (ROOT / ".env.example").read_text("utf-8").partition("# --- deploy/compose.yml")
    return set(re.findall(r"^#([A-Z_]+)=", section, re.MULTILINE))


def listed(value: dict[str, Any] | list[str]) -> list[str]:
    return list(value)


def test_there_are_our_images_and_what_they_need_and_nothing_else(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == {*OURS, "database", "nudges"}
    for name, image in OURS.items():
        if image:
            assert compose["services"][name]["image"] == f"dianxiaoer-{image}:${{RELEASE:-{RELEASE}}}"
            assert f" AS {image}\n" in (ROOT / "Dockerfile").read_text("utf-8")


def test_every_image_is_pinned_and_names_no_registry(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        name, _, tag = service["image"].partition(":")
        assert re.fullmatch(r"[a-z-]+(/[a-z-]+)?", name)
        assert re.match(r"\d+\.\d+(\.\d+)?|\$\{RELEASE:-\d", tag)


def test_only_the_proxy_can_be_reached_from_outside(compose: dict[str, Any]) -> None:
    published = {name for name, service in compose["services"].items() if "ports" in service}
    assert published == {"proxy"}
    assert compose["services"]["proxy"]["ports"] == ["80:80", "443:443", "443:443/udp"]
    assert not any("network_mode" in service for service in compose["services"].values())


def test_what_keeps_to_itself_is_on_the_inner_network_alone(compose: dict[str, Any]) -> None:
    networks = {name: set(service["networks"]) for name, service in compose["services"].items()}
    for name in ("rasa", "actions", "database", "nudges"):
        assert networks[name] == {"inside"}
    assert "inside" not in networks["proxy"]
    assert {"front", "inside", "outward"} == networks["bot"]
    inner = {name for name, network in compose["networks"].items() if network.get("internal")}
    assert inner == {"front", "inside"}


def test_everything_that_serves_says_whether_it_is_well(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert ("healthcheck" in service) == (name != "prepare")
        assert service["restart"] == ("no" if name == "prepare" else "unless-stopped")


def test_nobody_waits_for_the_health_of_what_has_none(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        needs = service.get("depends_on", {})
        assert set(needs) <= set(compose["services"])
        for name, how in needs.items() if isinstance(needs, dict) else ():
            if how["condition"] == "service_healthy":
                assert "healthcheck" in compose["services"][name]


def test_what_has_to_last_is_kept_outside_the_containers(compose: dict[str, Any]) -> None:
    assert set(compose["volumes"]) == KEPT
    mounts = {
        name: dict(line.removesuffix(":ro").rsplit(":", 1)[::-1] for line in service.get("volumes", []))
        for name, service in compose["services"].items()
    }
    assert mounts["database"] == {"/var/lib/postgresql": "database"}
    for name in ("prepare", "bot"):
        environment = compose["services"][name]["environment"]
        assert environment["BLOB_URL"].removeprefix("file:").startswith("/data/")
        assert set(mounts[name]) == {"/data", environment["BACKUP_DIR"]}
    assert set(mounts["proxy"]) == {"/etc/caddy/Caddyfile", "/certificates", "/data"}
    for name in ("rasa", "actions", "nudges"):
        assert mounts[name] == {}


def test_secrets_are_files_and_no_value_is_written_down(compose: dict[str, Any]) -> None:
    assert {secret["file"].removeprefix("../") for secret in compose["secrets"].values()} == HOSTS
    for service in compose["services"].values():
        assert set(service.get("secrets", [])) <= set(compose["secrets"])
        for name, value in service.get("environment", {}).items():
            if name.endswith(("_KEY", "_KEYS", "PASSWORD")):
                assert value.startswith("${")
                assert ":?" in value


def test_every_variable_is_documented_and_every_documented_one_is_used(compose: dict[str, Any]) -> None:
    assert variables((DEPLOY / "compose.yml").read_text("utf-8")) == documented() == set(settings.COMPOSE)


def test_the_defaults_are_the_documented_ones() -> None:
    text = (DEPLOY / "compose.yml").read_text("utf-8")
    example = (ROOT / ".env.example").read_text("utf-8")
    for name, default in set(re.findall(r"\$\{([A-Z_]+):-([^}]*)\}", text)):
        assert f"\n#{name}={default}\n" in example
    for name in set(re.findall(r"\$\{([A-Z_]+):\?", text)):
        assert f"\n#{name}=\n" in example


@pytest.mark.parametrize("name", ["prepare", "bot"])
def test_the_service_is_given_settings_that_it_reads(compose: dict[str, Any], name: str) -> None:
    environment = compose["services"][name]["environment"]
    assert set(environment) <= set(settings.NAMES)
    values = {k: re.sub(r"\$\{[^}]*\}", "x", str(v)) for k, v in environment.items()}
    secrets = {"SEALING_KEYS": "k:" + "a" * 43 + "=", "RASA_TOKEN": "t" * 20}
    read = settings.read(values | secrets)
    assert read.rasa_url == "http://rasa:5005"
    assert read.host == "0.0.0.0"


def test_rasa_and_the_service_share_the_token_and_agree_where_the_actions_are(
    compose: dict[str, Any],
) -> None:
    bot, rasa = (compose["services"][name]["environment"] for name in ("bot", "rasa"))
    for name in ("ACTION_URL", "RASA_TOKEN_FILE"):
        assert bot[name] == rasa[name]
    assert rasa["RASA_TELEMETRY_ENABLED"] == "false"


@pytest.mark.parametrize("name", ["Caddyfile", "nginx.conf"])
def test_a_proxy_keeps_inner_addresses_to_itself_and_changes_no_time_out(name: str) -> None:
    text = (DEPLOY / name).read_text("utf-8")
    for path in ("metrics", "readyz", "internal"):
        assert path in text
    assert not re.search(r"timeout|read_timeout|stream_close_delay", text)


def unit(name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(DEPLOY / name, "utf-8")
    return parser


@pytest.mark.parametrize("name", ["dianxiaoer.service", "dianxiaoer-backup.service"])
def test_a_unit_runs_a_command_that_there_is_and_not_as_root(name: str) -> None:
    from bot.__main__ import COMMANDS

    service = unit(name)["Service"]
    assert service["User"] == "dianxiaoer"
    command = service["ExecStart"].split()
    assert command[:3] == [f"{service['WorkingDirectory']}/.venv/bin/python", "-m", "bot"]
    assert command[3] in COMMANDS


def test_the_timer_starts_the_backup() -> None:
    assert unit("dianxiaoer-backup.timer")["Timer"]["OnCalendar"]
    assert (DEPLOY / "dianxiaoer-backup.service").is_file()
