"""Every setting of the service: its name, its default, its limits. Read once at start, all mistakes at once.

Nothing else in bot/ may look at the environment. A new setting is a field here and an entry in
.env.example; a test compares the two.
"""

import base64
import binascii
import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

MODES = ("off", "offered", "required")  # of the second factor
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
SYSTEM = ("TZ", "LANG", "LC_ALL", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE")  # not ours
COMPOSE = ("SITE", "TLS", "CERTIFICATES", "POSTGRES_PASSWORD", "FILES", "BACKUPS", "RELEASE")  # its .env too
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
SECRET_LENGTH = 16  # characters; shorter tokens can be guessed


class Environment(StrEnum):
    """Where the process runs; only a test may shift the clock."""

    PRODUCTION = "production"
    TEST = "test"


class SettingsError(ValueError):
    """The settings can't be used. `mistakes` holds a line for each, and the message all of them."""

    def __init__(self, mistakes: list[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("The settings are wrong:\n" + "\n".join(f"  - {line}" for line in mistakes))


@dataclass(frozen=True)
class SealingKey:
    """One AES-256 key for sealed numbers; `id` is stored beside what it sealed."""

    id: str
    key: bytes = field(repr=False)


def setting(
    parse: Callable[[str], Any],
    default: str = "",
    *,
    name: str = "",
    secret: bool = False,
    file: str = "",
) -> Any:
    """A field that is read from the environment. `file` is the default of <NAME>_FILE, for secrets."""
    metadata = {"parse": parse, "default": default, "name": name, "file": file}
    return field(metadata=metadata, repr=not secret)


def _text(value: str) -> str:
    return value


def _environment(value: str) -> Environment:
    if value not in tuple(Environment):
        raise ValueError(f"must be one of {', '.join(Environment)}")
    return Environment(value)


def _mode(value: str) -> str:
    if value not in MODES:
        raise ValueError(f"must be one of {', '.join(MODES)}")
    return value


def _level(value: str) -> str:
    if value.upper() not in LOG_LEVELS:
        raise ValueError(f"must be one of {', '.join(LOG_LEVELS)}")
    return value.upper()


def _host(value: str) -> str:
    if not value or (any(mark in value for mark in "/: ") and not _is_address(value)):
        raise ValueError("must be a host name or an IP address, without a port")
    return value


def _is_address(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def _port(value: str) -> int:
    if not value.isdecimal() or not 0 < int(value) < 65536:
        raise ValueError("must be a port number from 1 to 65535")
    return int(value)


def _seconds(low: float, high: float) -> Callable[[str], float]:
    def parse(value: str) -> float:
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not low <= number <= high:
            raise ValueError(f"must be a number from {low:g} to {high:g}")
        return number

    return parse


def _url(*schemes: str, may_be_empty: bool = False) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if not value and may_be_empty:
            return value
        if urlsplit(value).scheme not in schemes:
            raise ValueError("must begin with " + " or ".join(f"{scheme}:" for scheme in schemes))
        return value

    return parse


def _web_url(value: str) -> str:
    parts = urlsplit(_url("http", "https", may_be_empty=True)(value))
    if value and (not parts.hostname or parts.query or parts.fragment):
        raise ValueError("must look like https://host or https://host:port, without ? and #")
    return value.rstrip("/")


def _database_url(value: str) -> str:
    url = _url("sqlite", "postgresql")(value)
    if url.startswith("sqlite:") and not url.removeprefix("sqlite:").startswith("///"):
        raise ValueError("must look like sqlite:///folder/file.db (four strokes for an absolute path)")
    if url.startswith("sqlite:") and "?" in url:
        raise ValueError("must name the file alone, without ? and what follows it")
    return url


def _blob_url(value: str) -> str:
    url = _url("file", "s3")(value)
    if url.startswith("s3:") and not urlsplit(url).netloc:
        raise ValueError("must look like s3://bucket/prefix?endpoint=https://host&region=name")
    return url


def _folder(value: str) -> Path:
    if not value:
        raise ValueError("must name a folder")
    return Path(value)


def _file(value: str) -> Path | None:
    return Path(value) if value else None


def _sealing_keys(value: str) -> tuple[SealingKey, ...]:
    """Reads "id:base64,older-id:base64"; the first seals, all of them open."""
    if not value:
        raise ValueError("is missing; `make run` makes one in var/sealing.key")
    keys = tuple(_sealing_key(part.strip()) for part in value.split(","))
    if len({key.id for key in keys}) < len(keys):
        raise ValueError("names a key id twice")
    return keys


def _sealing_key(part: str) -> SealingKey:
    key_id, colon, encoded = part.partition(":")
    try:
        key = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        key = b""
    if not colon or not key_id or len(key) != 32:
        raise ValueError("must look like id:key[,older-id:key], each key 32 bytes in base64")
    return SealingKey(key_id, key)


def _token(value: str) -> str:
    if len(value) < SECRET_LENGTH:
        what = "is too short" if value else "is missing"
        raise ValueError(f"{what}; it takes at least {SECRET_LENGTH} characters that nobody can guess")
    return value


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings, checked. Relative paths start at the folder the process was started in (the root)."""

    environment: Environment = setting(_environment, "production", name="DIANXIAOER_ENV")
    database_url: str = setting(_database_url, "sqlite:///var/dianxiaoer.db", secret=True)
    redis_url: str = setting(_url("redis", "rediss", "unix", may_be_empty=True), secret=True)
    blob_url: str = setting(_blob_url, "file:var/blobs")
    blob_key: str = setting(str, secret=True, file="var/blob.key")
    backup_dir: Path = setting(_folder, "var/backups")
    sealing_keys: tuple[SealingKey, ...] = setting(_sealing_keys, secret=True, file="var/sealing.key")
    public_url: str = setting(_web_url)
    host: str = setting(_host, "127.0.0.1")
    port: int = setting(_port, "8080")
    rasa_url: str = setting(_web_url, "http://127.0.0.1:5005")
    rasa_token: str = setting(_token, secret=True, file="var/rasa.token")
    action_url: str = setting(_web_url, "http://127.0.0.1:5055/webhook")
    simulator_port: int = setting(_port, "8090")
    log_level: str = setting(_level, "INFO")
    clock_file: Path | None = setting(_file)
    handler_wait: float = setting(_seconds(0, 4.5), "4.3")
    engine_timeout: float = setting(_seconds(0.1, 30), "3")
    engine_warmup: float = setting(_seconds(0, 600), "60")
    speech_url: str = setting(_web_url)
    hold_minutes: float = setting(_seconds(1, 1440), "5")
    lock_minutes: float = setting(_seconds(0, 720), "5")  # of no input on the desk; 0: it never locks
    second_factor: str = setting(_mode, "offered")
    escalate_seconds: float = setting(_seconds(5, 86400), "60")
    hotels_dir: Path = setting(_folder, "hotels")
    texts_dir: Path = setting(_folder, "texts")
    frontend_dir: Path = setting(_folder, "frontend/dist")

    @property
    def on_this_machine(self) -> bool:
        """Whether only this machine can use it, or a test: where a sample may stand open."""
        return self.environment is Environment.TEST or urlsplit(self.base_url).hostname in LOOPBACK

    @property
    def base_url(self) -> str:
        """Where people reach the service: PUBLIC_URL, or its own address when that is not set."""
        return self.public_url or self.own_url

    @property
    def own_url(self) -> str:
        """Where this machine reaches it."""
        host = "127.0.0.1" if self.host == "0.0.0.0" else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


def read(environment: Mapping[str, str]) -> Settings:
    """The settings in `environment`. Raises SettingsError with every mistake in it."""
    mistakes = [*(environment.mistakes if isinstance(environment, Given) else ())]
    mistakes += _unknown_names(environment)
    values: dict[str, Any] = {}
    for name, item in SPECIFICATION.items():
        try:
            values[item.name] = item.metadata["parse"](_given(name, item.metadata, environment))
        except (ValueError, OSError) as error:
            mistakes.append(f"{name} {error}")
    if values.get("clock_file") and values.get("environment") != Environment.TEST:
        mistakes.append("CLOCK_FILE shifts the clock and is allowed with DIANXIAOER_ENV=test only")
    if mistakes:
        raise SettingsError(mistakes)
    return Settings(**values)


def _given(name: str, metadata: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    """The value of a setting as text: from the environment, from its file, or the default."""
    if value := environment.get(name, "").strip():
        return value
    named = environment.get(f"{name}_FILE", "").strip() if metadata["file"] else ""
    path = Path(named or metadata["file"])
    if metadata["file"] and (named or path.is_file()):
        try:
            return path.read_text("utf-8").strip()
        except OSError as error:
            told = f"can't be read from {path} ({name}_FILE): {error.strerror}"
            raise ValueError(f"{told}; put the file there, or correct the name") from None
    return str(metadata["default"])


def _unknown_names(environment: Mapping[str, str]) -> list[str]:
    """Names that bear our prefix and are no setting; DIANXIAOER_TEST… belong to the test runner."""
    return [
        f"{name} is no setting" + _suggestion(name)
        for name in sorted(environment)
        if name.startswith("DIANXIAOER_") and name not in NAMES and not name.startswith("DIANXIAOER_TEST")
    ]


def _suggestion(name: str) -> str:
    near = get_close_matches(name, NAMES, n=1)
    return f"; did you mean {near[0]}?" if near else ""


class Given(dict[str, str]):
    """The environment over what .env says; `mistakes` are those of the file itself."""

    mistakes: tuple[str, ...] = ()


def given(path: Path, environment: Mapping[str, str]) -> Given:
    """All that `read` is to know. Names of the environment are anybody's; those of the file are ours."""
    found = Given(dotenv(path) | dict(environment))
    found.mistakes = tuple(dotenv_mistakes(path))
    return found


def dotenv(path: Path) -> dict[str, str]:
    """NAME=value lines of an .env file (# begins a comment line, quotes around a value are dropped)."""
    pairs = (line.partition("=") for _, line in _lines(path) if "=" in line)
    return {name.strip(): _unquoted(value.strip()) for name, _, value in pairs}


def dotenv_mistakes(path: Path) -> list[str]:
    """Lines that set nothing of ours. What a line that can't be read says may be a secret: it isn't shown."""
    found = []
    for number, line in _lines(path):
        name, equals, _ = (part.strip() for part in line.partition("="))
        if not equals or not name.isidentifier():
            found.append(f"{path} line {number} is not NAME=value")
        elif name not in NAMES + COMPOSE and name.upper() not in SYSTEM and not _ours(name):
            found.append(f"{name} is no setting ({path} line {number}){_suggestion(name)}")
    return found


def _ours(name: str) -> bool:
    """A name that `read` looks at by itself."""
    return name.startswith("DIANXIAOER_")


def _lines(path: Path) -> list[tuple[int, str]]:
    """The lines that say something, with their numbers; none when there is no file."""
    text = path.read_text("utf-8-sig") if path.is_file() else ""
    lines = ((number, line.strip()) for number, line in enumerate(text.splitlines(), 1))
    return [(number, line) for number, line in lines if line and not line.startswith("#")]


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value


SPECIFICATION = {item.metadata["name"] or item.name.upper(): item for item in fields(Settings)}
NAMES = tuple(SPECIFICATION) + tuple(
    f"{name}_FILE" for name, item in SPECIFICATION.items() if item.metadata["file"]
)
