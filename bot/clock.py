"""The one clock of all processes. Rules never read it: they are given `now`.

In tests a file holds an offset in seconds, so that hours pass at once; settings refuse that in production.
"""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path


class Clock:
    """Tells the time, shifted by the seconds that stand in `offset_file` (read again when it changes)."""

    def __init__(self, offset_file: Path | None = None) -> None:
        self._file = offset_file
        self._seen: tuple[int, int, int] | None = None
        self._offset = 0.0

    def now(self) -> datetime:
        """The aware time in UTC."""
        return datetime.now(UTC) + timedelta(seconds=self.offset())

    def monotonic(self) -> float:
        """Seconds that only grow, for measuring spans; shifted too, so that what expires does expire."""
        return time.monotonic() + self.offset()

    def offset(self) -> float:
        """Seconds this clock is ahead of the real one; 0 in production."""
        if self._file is None:
            return 0.0
        try:
            status = self._file.stat()
        except FileNotFoundError:
            return self._offset
        seen = (status.st_mtime_ns, status.st_size, status.st_ino)
        if seen != self._seen:
            # An empty file is one that is being written: the next reading sees the number.
            self._offset = float(self._file.read_text("utf-8").strip() or self._offset)
            self._seen = seen
        return self._offset
