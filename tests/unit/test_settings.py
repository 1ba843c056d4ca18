"""The settings: defaults, limits, secrets from files, and every mistake in one message."""

import base64
import re
from pathlib import Path

import pytest

from bot import settings
from bot.settings import Environment, SettingsError

ROOT = Path(__file__).parents[2]
KEY = base64.b64encode(bytes(32)).decode()
GOOD = {"SEALING_KEYS": f"k1:{KEY}", "RASA_TOKEN": "r" * 16}


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings look for secrets under var/ of the working folder: the developer's own must not count."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def mistakes(**changes: str) -> str:
    with pytest.raises(SettingsError) as caught:
        settings.read(GOOD | changes)
    return str(caught.value)


def test_three_secrets_are_all_that_must_be_given() -> None:
    found = settings.read(GOOD)
    assert found.environment is Environment.PRODUCTION
    assert found.database_url == "sqlite:///var/dianxiaoer.db"
    assert (found.host, found.port, found.base_url) == ("127.0.0.1", 8080, "http://127.0.0.1:8080")
    assert found.sealing_keys[0].key == bytes(32)


def test_all_mistakes_are_reported_together() -> None:
    with pytest.raises(SettingsError) as caught:
        settings.read({"PORT": "70000", "LOG_LEVEL": "loud", "HANDLER_WAIT": "9", "CLOCK_FILE": "shift"})
    named = [line.split()[0] for line in caught.value.mistakes]
    expected = "SEALING_KEYS RASA_TOKEN PORT LOG_LEVEL HANDLER_WAIT CLOCK_FILE"
    assert sorted(named) == sorted(expected.split())
    assert all(line in str(caught.value) for line in caught.value.mistakes)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DIANXIAOER_ENV", "staging"),
        ("DATABASE_URL", "mysql://db/hotel"),
        ("DATABASE_URL", "sqlite://var/dianxiaoer.db"),
        ("DATABASE_URL", "sqlite:///var/dianxiaoer.db?timeout=5"),
        ("REDIS_URL", "http://127.0.0.1:6379"),
        ("BLOB_URL", "var/blobs"),
        ("SEALING_KEYS", "k1"),
        ("SEALING_KEYS", "k1:" + base64.b64encode(bytes(16)).decode()),
        ("SEALING_KEYS", "k1:not base64"),
        ("SEALING_KEYS", f"k1:{KEY},k1:{KEY}"),
        ("PUBLIC_URL", "desk.example.com"),
        ("PUBLIC_URL", "https://desk.example.com/?a=1"),
        ("HOST", "127.0.0.1:8080"),
        ("PORT", "0"),
        ("PORT", "eighty"),
        ("RASA_TOKEN", "short"),
        ("ENGINE_TIMEOUT", "nan"),
        ("HOLD_MINUTES", "0"),
        ("DIANXIAOER_ENVIRONMENT", "test"),
    ],
)
def test_a_bad_value_is_a_mistake_that_names_its_setting(name: str, value: str) -> None:
    assert f"- {name} " in mistakes(**{name: value})


def test_a_mistake_never_repeats_a_secret() -> None:
    said = mistakes(SEALING_KEYS="k1:hunter2", RASA_TOKEN="hunter2", DATABASE_URL="mysql://root:hunter2@db")
    assert "hunter2" not in said


def test_secrets_stay_out_of_the_printed_form() -> None:
    found = settings.read(GOOD | {"DATABASE_URL": "postgresql://bot:hunter2@db/hotel"})
    assert "hunter2" not in repr(found)
    assert "r" * 16 not in repr(found)
    assert repr(bytes(32)) not in repr(found.sealing_keys)


def test_a_secret_may_lie_in_a_file(empty_folder: Path) -> None:
    (empty_folder / "secret").write_text("f" * 20 + "\n")
    found = settings.read(
        {k: v for k, v in GOOD.items() if k != "RASA_TOKEN"} | {"RASA_TOKEN_FILE": "secret"}
    )
    assert found.rasa_token == "f" * 20


def test_a_file_that_is_named_and_missing_is_a_mistake() -> None:
    without = {k: v for k, v in GOOD.items() if k != "RASA_TOKEN"}
    with pytest.raises(SettingsError, match=r"RASA_TOKEN .*nowhere"):
        settings.read(without | {"RASA_TOKEN_FILE": "nowhere"})


def test_what_the_first_start_made_is_found_without_any_setting(empty_folder: Path) -> None:
    (empty_folder / "var").mkdir()
    for name, value in (("sealing.key", f"k9:{KEY}"), ("rasa.token", "r" * 16)):
        (empty_folder / "var" / name).write_text(value)
    assert settings.read({}).sealing_keys[0].id == "k9"


def test_the_first_sealing_key_seals_and_the_older_ones_are_kept() -> None:
    old = base64.b64encode(b"o" * 32).decode()
    found = settings.read(GOOD | {"SEALING_KEYS": f"k2:{KEY}, k1:{old}"})
    assert [key.id for key in found.sealing_keys] == ["k2", "k1"]


def test_a_typing_error_in_a_name_gets_a_suggestion() -> None:
    assert "did you mean DIANXIAOER_ENV?" in mistakes(DIANXIAOER_EMV="test")


def test_the_clock_may_be_shifted_in_tests_only() -> None:
    assert "CLOCK_FILE" in mistakes(CLOCK_FILE="shift")
    found = settings.read(GOOD | {"CLOCK_FILE": "shift", "DIANXIAOER_ENV": "test"})
    assert found.clock_file == Path("shift")


def test_an_ipv6_address_is_a_host() -> None:
    assert settings.read(GOOD | {"HOST": "::1"}).base_url == "http://[::1]:8080"


def test_lines_of_an_env_file_that_set_nothing_are_mistakes_beside_all_others(empty_folder: Path) -> None:
    lines = ("DATABSE_URL=x", "SITE=a", "TZ=Asia/Shanghai", "hunter2", "TYPO_SETTING=1", "PORT=0")
    (empty_folder / ".env").write_text("\n".join(lines))
    with pytest.raises(SettingsError) as caught:
        settings.read(settings.given(Path(".env"), GOOD | {"ANYBODYS": "1"}))
    assert caught.value.mistakes == (
        "DATABSE_URL is no setting (.env line 1); did you mean DATABASE_URL?",
        ".env line 4 is not NAME=value",
        "TYPO_SETTING is no setting (.env line 5)",
        "PORT must be a port number from 1 to 65535",
    )


def test_an_env_file_is_read_and_quotes_are_dropped(empty_folder: Path) -> None:
    (empty_folder / ".env").write_text('# a comment=1\n\nPORT=9000\nPUBLIC_URL = "https://a.example/?b=c"\n')
    assert settings.dotenv(Path(".env")) == {"PORT": "9000", "PUBLIC_URL": "https://a.example/?b=c"}
    assert settings.dotenv(Path("none")) == {}


def documented() -> dict[str, str]:
    text, _, _ = (ROOT / ".env.example").read_text("utf-8").partition("# --- deploy/compose.yml")
    lines = text.splitlines()
    return dict(m.groups() for line in lines if (m := re.fullmatch(r"#([A-Z_]+)=(.*)", line)))


def test_every_setting_is_documented_with_its_default() -> None:
    defaults = {name: item.metadata["default"] for name, item in settings.SPECIFICATION.items()}
    files = {f"{n}_FILE": i.metadata["file"] for n, i in settings.SPECIFICATION.items() if i.metadata["file"]}
    assert documented() == defaults | files


def test_every_documented_setting_says_what_it_does() -> None:
    text = (ROOT / ".env.example").read_text("utf-8")
    for block in text.split("\n\n"):
        if re.search(r"^#[A-Z_]+=", block, re.MULTILINE):
            assert re.match(r"# \S.{20,}", block), block
