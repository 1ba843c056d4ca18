"""The commands, run as a person runs them: on both databases, with what they print and how they end."""

import asyncio
import io
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot import first_start, settings
from bot.__main__ import main
from bot.commands import CommandFailed
from bot.store.migrate import newest
from tests.conftest import ROOT, SECRETS
from tests.servers import free_port

PEM = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEVs/o5+uQbTjL3chynL4wXgUg2R9
q9UU8I5mEovUf86QZ7kOBIjJwqnzD1omageEHWwHdBO6B+dFabmdT9POxg==
-----END PUBLIC KEY-----"""


APP = ("account", "add", "app", "--hotel", "xinghaihui")


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


Bot = Callable[..., Done]


@pytest.fixture(scope="session")
def prepared(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a database after its first start, for tests that only read it."""
    path = tmp_path_factory.mktemp("prepared") / "dianxiaoer.db"
    shutil.copy(migrated_sqlite, path)
    url = f"sqlite:///{path}"
    folders = {"HOTELS_DIR": str(ROOT / "hotels"), "TEXTS_DIR": str(ROOT / "texts")}
    asyncio.run(first_start.prepare(settings.read(SECRETS | folders | {"DATABASE_URL": url})))
    return url


@pytest.fixture
def bot(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Bot:
    """bot("staff", "list"): as `python -m bot staff list` in an empty folder, on a migrated database."""
    environment = SECRETS | {"DATABASE_URL": database_url}
    environment |= {"HOTELS_DIR": str(ROOT / "hotels"), "TEXTS_DIR": str(ROOT / "texts")}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.StringIO())

    def run(*arguments: str, **changes: str) -> Done:
        capsys.readouterr()
        try:
            code, said = main(arguments, environment | changes), ""
        except CommandFailed as failure:
            code, said = 1, str(failure)
        printed = capsys.readouterr()
        return Done(code, printed.out, printed.err + said)

    return run


def test_the_first_start_makes_a_hotel_and_an_administrator_once(bot: Bot) -> None:
    assert "HOTELS_DIR=nowhere holds none" in bot("prepare", HOTELS_DIR="nowhere").stderr
    first = bot("prepare").stdout
    assert "Imported 星海会商务酒店." in first
    assert "one-time password" in first
    assert bot("prepare").stdout == "Nothing was missing.\n"
    assert bot("hotel", "list").stdout == "xinghaihui  星海会商务酒店\n"
    assert "admin  管理员  xinghaihui: administrator" in bot("staff", "list").stdout
    assert bot("verify").stdout.startswith("ok: ")


def test_a_hotel_is_imported_when_its_changes_were_agreed_to(bot: Bot, tmp_path: Path) -> None:
    folder = tmp_path / "xinghaihui"
    folder.mkdir()
    for file in (ROOT / "hotels/xinghaihui").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    asked = bot("hotel", "import", str(folder))
    assert asked.returncode == 1
    assert "--yes" in asked.stderr
    assert bot("hotel", "list").stdout == ""
    assert bot("hotel", "import", str(folder), "--yes").stdout.endswith(
        "Imported 星海会商务酒店 (xinghaihui).\n"
    )
    hotel = folder / "hotel.yml"
    hotel.write_text(hotel.read_text().replace("name: 星海会商务酒店", "name: 星海会大酒店"))
    changed = bot("hotel", "import", str(folder), "--yes").stdout
    assert "~ name: 星海会商务酒店 → 星海会大酒店" in changed
    assert "Nothing changes" in bot("hotel", "import", str(folder)).stdout
    knowledge = folder / "knowledge.yml"
    written = knowledge.read_text()
    knowledge.write_text(written.replace("ask_gym:", "ask_gymm:").replace("{wifi_name}", "{wifi_nam}"))
    noted = bot("hotel", "import", str(folder), "--yes").stdout
    assert "Note: ask_gymm is no topic the assistant knows (did you mean ask_gym?)." in noted
    assert "don't say wifi_nam (did you mean wifi_name?)." in noted
    hotel.write_text(re.sub(r"deposit: \d+", "deposit: 两百元", hotel.read_text()))
    refused = bot("hotel", "import", str(folder), "--yes")
    assert refused.returncode == 1
    assert "deposit: is '两百元', but ask_deposit shows it as {deposit:money}" in refused.stderr


def test_a_hotel_with_mistakes_is_refused_with_all_of_them(bot: Bot, tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    (folder / "hotel.yml").write_text("id: odd\ntimezone: Nowhere/Land\n")
    (folder / "knowledge.yml").write_text("{}\n")
    done = bot("hotel", "import", str(folder), "--yes")
    assert done.returncode == 1
    assert "timezone" in done.stderr
    assert "phone" in done.stderr
    assert "Traceback" not in done.stderr


def test_people_come_and_go(bot: Bot) -> None:
    bot("prepare")
    added = bot("staff", "add", "li", "李静", "--hotel", "xinghaihui").stdout
    assert "One-time password: " in added
    assert "taken" in bot("staff", "add", "li", "李静", "--hotel", "xinghaihui").stderr
    again = bot("staff", "reset", "li").stdout
    assert "One-time password: " in again
    assert again != added
    assert bot("staff", "grant", "li", "xinghaihui", "administrator").returncode == 0
    assert "li  李静  xinghaihui: administrator" in bot("staff", "list").stdout
    assert bot("hotel", "import", str(ROOT / "tests/data/hotels/yunting"), "--yes").returncode == 0
    granted = bot("staff", "grant", "li", "yunting", "senior", "--until", "2030-01-31").stdout
    assert "li works in yunting as senior from now on up to 2030-01-31." in granted
    listed = bot("staff", "list").stdout
    assert "li  李静  xinghaihui: administrator, yunting: senior up to 2030-01-31" in listed
    posted = bot("staff", "post", "li", "xinghaihui", "front_desk", "sales", "--skill", "wine").stdout
    assert "li works in xinghaihui in 前台, 销售部 from now on." in posted
    assert "xinghaihui: front_desk, sales" in bot("staff", "list").stdout
    assert (
        "no department 'kitchen'. There are: front_desk"
        in bot("staff", "post", "li", "xinghaihui", "kitchen").stderr
    )
    namesake = bot("staff", "add", "li2", "李静", "--hotel", "xinghaihui").stdout
    assert "another 李静 already, with the login li." in namesake
    bot("staff", "add", "ana", "安娜", "--hotel", "yunting")
    bot("staff", "add", "far", "方", "--hotel", "xinghaihui")
    assert "'far' works in none" in bot("staff", "deactivate", "ana", "--to", "far").stderr
    assert "to far: 0, to everybody at the desk: 0" in bot("staff", "deactivate", "li", "--to", "far").stdout
    assert (
        "li  李静  (inactive) xinghaihui: administrator, yunting: senior up to 2030-01-31"
        in bot("staff", "list").stdout
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("staff", "reset", "nobody"), "Nobody has the login 'nobody'"),
        (("staff", "deactivate", "nobody"), "Nobody has the login 'nobody'"),
        (("staff", "grant", "nobody", "xinghaihui", "agent"), "Nobody has the login 'nobody'"),
        (("staff", "grant", "admin", "nowhere", "agent"), "There are: xinghaihui"),
        (("account", "off", "wechat", "none"), "There is no wechat account 'none'"),
        (("staff", "add", "wu", "吴", "--hotel", "nowhere"), "There are: xinghaihui"),
        (("guest", "export", "nowhere", "g1"), "There are: xinghaihui"),
        (("guest", "export", "xinghaihui", "g1"), "xinghaihui has no guest g1"),
        (("guest", "erase", "xinghaihui", "g1"), "Say --yes"),
        (("guest", "erase", "xinghaihui", "g1", "--yes"), "xinghaihui has no guest g1"),
        (("account", "add", "wechat", "--hotel", "xinghaihui", "--set", "mode"), "not NAME=VALUE"),
        (("account", "add", "wechat", "--hotel", "xinghaihui", "--set", "mode=sofe"), "one of plain, comp"),
        (("account", "add", "wechat", "--hotel", "xinghaihui"), "aes_keys is missing"),
        (("account", "add", "web", "--hotel", "xinghaihui", "--set", "secret=1"), "secret"),
        (("account", "add", "web", "--hotel", "xinghaihui", "--id", "Our Page"), "a-z, 0-9 and -"),
        (("account", "add", "wecom_robot", "--hotel", "xinghaihui"), "url is missing"),
        (("staff", "add", "王 伟", "王伟", "--hotel", "xinghaihui"), "must be one word"),
        (("restore", "nowhere.tar"), "nowhere.tar: No such file or directory. Backups lie in"),
        ((*APP, "--set", "push_url=https://app.example/push", "--set", "push_secret=short"), "push_secret"),
        ((*APP, "--set", "push_url=nowhere", "--set", "push_secret=0123456789abcdef"), "push_url"),
        ((*APP, "--set", "push_after=soon"), "number of seconds"),
        (("account", "add", "wecom_robot", "--hotel", "xinghaihui", "--set", "url=@nowhere"), "nowhere"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_cannot_be_done_is_said_in_one_message(
    bot: Bot, prepared: str, arguments: tuple[str, ...], said: str
) -> None:
    done = bot(*arguments, DATABASE_URL=prepared)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_accounts_are_listed_with_where_they_are_used_and_without_secrets(bot: Bot, tmp_path: Path) -> None:
    bot("prepare")
    (tmp_path / "key").write_text("k" * 42 + "A\n")
    values = ["appid=wx123", "secret=hunter2hunter2", "token=hunter3", "aes_keys=@key", "custom_send=false"]
    wanted = [word for value in values for word in ("--set", value)]
    adding = ("account", "add", "wechat", "--hotel", "xinghaihui", "--id", "main", *wanted)
    added = bot(*adding)
    assert added.stdout.startswith("Added.")
    assert bot(*adding).stdout.startswith("Replaced.")
    assert "http://127.0.0.1:8080/wechat/main" in added.stdout
    listed = bot("account", "list", PUBLIC_URL="https://desk.example.com").stdout
    assert "https://desk.example.com/wechat/main" in listed
    assert "custom_send=False" in listed
    assert 'data-key="xinghaihui-page"' in listed
    assert "hunter" not in listed
    assert "kkkk" not in listed
    assert bot("account", "off", "wechat", "main").returncode == 0
    assert "wechat main (inactive)" in bot("account", "list").stdout
    assert bot("account", "on", "wechat", "main").returncode == 0
    assert "(inactive)" not in bot("account", "list").stdout


def test_keys_come_beside_each_other_and_go_one_by_one(bot: Bot, tmp_path: Path) -> None:
    """So that a hotel changes its key without shutting anybody out."""
    bot("prepare")
    assert bot("account", "add", "app", "--hotel", "xinghaihui", "--id", "our-app").returncode == 0
    assert "No key yet" in bot("account", "key", "list", "app", "our-app").stdout
    made = bot("account", "key", "add", "app", "our-app", "--kid", "first").stdout
    secret = made.split("shown this once: ")[1].strip()
    assert len(secret) == 64
    assert "aud=our-app" in made
    (tmp_path / "public.pem").write_text(PEM)
    pem = ("--alg", "ES256", "--key", f"@{tmp_path}/public.pem")
    assert bot("account", "key", "add", "app", "our-app", "--kid", "second", *pem).returncode == 0
    listed = bot("account", "key", "list", "app", "our-app").stdout
    assert listed == "first  HS256\nsecond  ES256\n"
    values = ("--set", "push_url=https://app.example/push", "--set", f"push_secret={secret}")
    bot("account", "add", "app", "--hotel", "xinghaihui", "--id", "our-app", *values)
    assert bot("account", "key", "list", "app", "our-app").stdout == listed
    assert "Keys left: 1" in bot("account", "key", "remove", "app", "our-app", "--kid", "first").stdout
    assert bot("account", "key", "list", "app", "our-app").stdout == "second  ES256\n"
    assert secret not in bot("account", "list").stdout


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("add", "app", "nobody"), "no app account 'nobody'"),
        (("add", "web", "xinghaihui-page", "--key", "short"), "32 bytes"),
        (("add", "web", "xinghaihui-page", "--alg", "ES256"), "--key is needed"),
        (("add", "web", "xinghaihui-page", "--alg", "ES256", "--key", "x"), "PEM"),
        (("add", "web", "xinghaihui-page", "--key", "@nowhere"), "can't be read"),
        (("remove", "web", "xinghaihui-page", "--kid", "other"), "no key 'other'"),
    ],
)
def test_a_key_that_cannot_be_kept_is_refused(bot: Bot, words: tuple[str, ...], why: str) -> None:
    bot("prepare")
    done = bot("account", "key", *words)
    assert done.returncode == 1
    assert why in done.stderr
    assert "No key yet" in bot("account", "key", "list", "web", "xinghaihui-page").stdout


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_database_that_is_away_is_one_sentence(bot: Bot) -> None:
    away = f"postgresql://desk:hunter2@127.0.0.1:{free_port()}/desk"
    for arguments in (("prepare",), ("staff", "list"), ("backup",)):
        done = bot(*arguments, DATABASE_URL=away)
        assert done.returncode == 1
        assert "Connection refused. Start it" in done.stderr
        assert "hunter2" not in done.stderr


def test_a_database_of_another_release_is_not_touched(bot: Bot, tmp_path: Path) -> None:
    done = bot("verify", DATABASE_URL=f"sqlite:///{tmp_path}/new.db")
    assert done.returncode == 1
    assert "python -m bot prepare" in done.stderr
    assert (
        f"at {newest()}; it was at nothing"
        in bot("migrate", DATABASE_URL=f"sqlite:///{tmp_path}/new.db").stdout
    )
    assert bot("verify", DATABASE_URL=f"sqlite:///{tmp_path}/new.db").returncode == 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_secrets_are_sealed_in_the_database(bot: Bot, tmp_path: Path) -> None:
    url = {"DATABASE_URL": f"sqlite:///{tmp_path}/sealed.db"}
    bot("prepare", **url)
    values = ["--set", "url=https://robot.example/hunter2"]
    assert bot("account", "add", "wecom_robot", "--hotel", "xinghaihui", *values, **url).returncode == 0
    assert b"hunter2" not in (tmp_path / "sealed.db").read_bytes()


# ---- knowledge


def test_a_list_of_points_shows_its_difference_and_becomes_drafts(bot: Bot, tmp_path: Path) -> None:
    file = tmp_path / "points.csv"
    file.write_text("id,title,answer\nask_pool,游泳池,关门了。\nnew,有伞吗,有。\nbad,,x\n", "utf-8")
    bot("prepare")
    refused = bot("knowledge", "import", "xinghaihui", "--file", str(file))
    assert "Say --yes" in refused.stderr
    assert "~ ask_pool: answer: 游泳池" in refused.stdout
    done = bot("knowledge", "import", "xinghaihui", "--file", str(file), "--yes")
    assert "1 new, 1 changed, 0 as they are" in done.stdout
    assert "! row 4: point_title_empty" in done.stdout
    assert "as drafts" in done.stdout
    again = bot("knowledge", "import", "xinghaihui", "--file", str(file), "--yes")
    assert "0 new, 0 changed, 2 as they are" in again.stdout
    assert "There is no hotel" in bot("knowledge", "import", "none", "--file", str(file)).stderr


def test_the_report_says_when_nothing_was_asked_in_vain(bot: Bot) -> None:
    bot("prepare")
    assert "星海会商务酒店: 0 questions without an answer." in bot("knowledge", "report").stdout
