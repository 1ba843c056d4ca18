"""A backup as a file: a tar of tables and media, and a manifest with the checksum of every part of it.

Knows the format and the folder, and no database. A file under its final name is whole: it is written beside
it and renamed. Nothing is taken from a file that hasn't been checked.
"""

import gzip
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import IO, Any, Self

FORMAT = 1
PREFIX, SUFFIX = "dianxiaoer-", ".tar"
MANIFEST, ITS_CHECKSUM = "manifest.json", "manifest.sha256"
TABLES, MEDIA = "tables/", "media/"
CHUNK = 1 << 20
LOWEST_FORMAT = 1


class BadBackup(Exception):
    """The file is no whole backup; the message says why."""


@dataclass(frozen=True)
class Manifest:
    """What a backup says of itself. `rows` by table, `checksums` by part, sizes in bytes."""

    format: int
    release: str
    schema: str
    database: str
    made_at: datetime
    rows: dict[str, int]
    media: int
    media_bytes: int
    erasures: int
    checksums: dict[str, str]

    def packed(self) -> bytes:
        found = asdict(self) | {"made_at": self.made_at.isoformat()}
        return (json.dumps(found, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def unpacked(raw: bytes) -> Manifest:
    """Raises BadBackup."""
    try:
        found = json.loads(raw)
        if not LOWEST_FORMAT <= found["format"] <= FORMAT:
            raise BadBackup(f"its format {found['format']} isn't one that this release reads")
        return Manifest(**found | {"made_at": datetime.fromisoformat(found["made_at"])})
    except (ValueError, TypeError, KeyError):
        raise BadBackup("its manifest can't be read") from None


def name_at(at: datetime) -> str:
    utc = at.astimezone(UTC)
    return f"{PREFIX}{utc:%Y%m%dT%H%M%S}.{utc.microsecond // 1000:03}Z{SUFFIX}"


def backups_in(folder: Path) -> list[Path]:
    """The whole ones, oldest first."""
    return sorted(folder.glob(f"{PREFIX}*{SUFFIX}"))


# ---- writing one


class Writing:
    """A backup that is being made; unfinished, it goes, and so does `folder` for what is on its way."""

    def __init__(self, path: Path) -> None:
        self.path, self._part = path, path.with_name(f".{path.name}.part")
        self.checksums: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._folder = TemporaryDirectory(prefix=".backup-", dir=self.path.parent)
        self.folder = Path(self._folder.name)
        os.close(os.open(self._part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600))
        self._tar = tarfile.open(self._part, "w", format=tarfile.PAX_FORMAT)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: Any, at: TracebackType | None) -> None:
        self._tar.close()
        self._folder.cleanup()
        self._part.unlink(missing_ok=True)

    @contextmanager
    def table(self, name: str, columns: Sequence[str]) -> Iterator["Lines"]:
        """A table's rows, to be put in line by line."""
        path = self.folder / "table"
        with gzip.open(path, "wb", compresslevel=5) as file:
            lines = Lines(file)
            lines.put([columns])
            yield lines
        self._add_file(f"{TABLES}{name}.jsonl.gz", path)

    def add_media(self, name: str, content: bytes) -> None:
        self._add(f"{MEDIA}{name}", io.BytesIO(content), len(content))

    def finish(self, manifest: Manifest) -> None:
        """From here on it is there, whole."""
        raw = manifest.packed()
        self._add(MANIFEST, io.BytesIO(raw), len(raw))
        checksum = self.checksums[MANIFEST].encode()
        self._add(ITS_CHECKSUM, io.BytesIO(checksum), len(checksum))
        self._tar.close()
        with self._part.open("rb") as written:
            os.fsync(written.fileno())
        self._part.rename(self.path)

    def _add_file(self, name: str, path: Path) -> None:
        with path.open("rb") as file:
            self._add(name, file, path.stat().st_size)

    def _add(self, name: str, file: IO[bytes], size: int) -> None:
        summed = _Summed(file)
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, 0o600
        self._tar.addfile(info, summed)
        self.checksums[name] = summed.hexdigest()


class Lines:
    """Rows as JSON, one a line; counted."""

    def __init__(self, file: gzip.GzipFile) -> None:
        self._file, self.count = file, -1  # the first line holds the names of the columns

    def put(self, rows: Iterable[Sequence[Any]]) -> None:
        for row in rows:
            self._file.write(
                json.dumps(list(row), ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
            )
            self.count += 1


class _Summed:
    """A file whose checksum is taken while it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._sum = file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        chunk = self._file.read(size)
        self._sum.update(chunk)
        return chunk

    def hexdigest(self) -> str:
        return self._sum.hexdigest()


# ---- reading one


class Backup:
    """A backup that is there. Raises BadBackup when it isn't whole, OSError when it can't be read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Self:
        self._file = self.path.open("rb")
        try:
            self._tar = tarfile.open(fileobj=self._file, mode="r:")
            self._members = {info.name: info for info in self._tar.getmembers() if info.isfile()}
            self.manifest = self._read_manifest()
        except tarfile.TarError:
            self._file.close()
            raise BadBackup("it is no tar file, or not all of one") from None
        except BadBackup:
            self._file.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: Any, at: TracebackType | None) -> None:
        self._file.close()

    def check(self) -> Iterator[int]:
        """Read everything and compare; yields the bytes of each part. Raises BadBackup."""
        listed = set(self.manifest.checksums)
        if listed != set(self._members) - {MANIFEST, ITS_CHECKSUM}:
            raise BadBackup("its parts are not those of its manifest")
        for name, checksum in self.manifest.checksums.items():
            summed = _Summed(self._open(name))
            while summed.read(CHUNK):
                pass
            if summed.hexdigest() != checksum:
                raise BadBackup(f"the checksum of {name} is wrong")
            yield self._members[name].size

    def tables(self) -> list[str]:
        """In the order they were written in: those first that others refer to."""
        wanted = [name for name in self._members if name.startswith(TABLES)]
        return [name.removeprefix(TABLES).removesuffix(".jsonl.gz") for name in wanted]

    def rows(self, table: str) -> Iterator[list[Any]]:
        """The names of the columns, then row by row."""
        with gzip.open(self._open(f"{TABLES}{table}.jsonl.gz")) as file:
            for line in file:
                yield json.loads(line)

    def media(self) -> Iterator[tuple[str, bytes]]:
        for name in self._members:
            if name.startswith(MEDIA):
                yield name.removeprefix(MEDIA), self._open(name).read()

    def _open(self, name: str) -> IO[bytes]:
        found = self._tar.extractfile(self._members[name])
        assert found
        return found

    def _read_manifest(self) -> Manifest:
        if not {MANIFEST, ITS_CHECKSUM} <= set(self._members):
            raise BadBackup("it has no manifest: it was not finished, or is no backup")
        raw = self._open(MANIFEST).read()
        if hashlib.sha256(raw).hexdigest().encode() != self._open(ITS_CHECKSUM).read():
            raise BadBackup("the checksum of its manifest is wrong")
        return unpacked(raw)


def manifest_of(path: Path) -> Manifest:
    """Raises BadBackup, OSError."""
    with Backup(path) as backup:
        return backup.manifest
