"""The Chinese lunar calendar, 2015 to 2050, as a table.

Source: the Hong Kong Observatory's Gregorian-Lunar Calendar Conversion Table; each row was compared with
the package borax (MIT). A year: its New Year's Day, its leap month (0: none), and for every month in order,
the leap month after its namesake, 1 for 30 days and 0 for 29.
"""

from __future__ import annotations

from datetime import date, timedelta

# fmt: off
_YEARS: dict[int, tuple[str, int, str]] = {
    2015: ("02-19", 0, "010010111010"),
    2016: ("02-08", 0, "101001011011"),
    2017: ("01-28", 6, "0101001010111"),
    2018: ("02-16", 0, "010100101011"),
    2019: ("02-05", 0, "101010010011"),
    2020: ("01-25", 4, "0111010010101"),
    2021: ("02-12", 0, "011010101010"),
    2022: ("02-01", 0, "101011010101"),
    2023: ("01-22", 2, "0100110110101"),
    2024: ("02-10", 0, "010010110110"),
    2025: ("01-29", 6, "1010010101110"),
    2026: ("02-17", 0, "101001001110"),
    2027: ("02-06", 0, "110100100110"),
    2028: ("01-26", 5, "1110100100110"),
    2029: ("02-13", 0, "110101010011"),
    2030: ("02-03", 0, "010110101010"),
    2031: ("01-23", 3, "0110101101010"),
    2032: ("02-11", 0, "100101101101"),
    2033: ("01-31", 11, "0100101011101"),
    2034: ("02-19", 0, "010010101101"),
    2035: ("02-08", 0, "101001001101"),
    2036: ("01-28", 6, "1101001001011"),
    2037: ("02-15", 0, "110100100101"),
    2038: ("02-04", 0, "110101010010"),
    2039: ("01-24", 5, "1101101010100"),
    2040: ("02-12", 0, "101101011010"),
    2041: ("02-01", 0, "010101101101"),
    2042: ("01-22", 2, "0100101011011"),
    2043: ("02-10", 0, "010010011011"),
    2044: ("01-30", 7, "1010010010111"),
    2045: ("02-17", 0, "101001001011"),
    2046: ("02-06", 0, "101010100101"),
    2047: ("01-26", 5, "1011010100101"),
    2048: ("02-14", 0, "011011010010"),
    2049: ("02-02", 0, "101011011010"),
    2050: ("01-23", 3, "0101010110110"),
}
# fmt: on


def solar(year: int, month: int, day: int) -> date | None:
    """The Gregorian day of a lunar day (of the plain month, not the leap one); None outside the table."""
    row = _YEARS.get(year)
    if row is None or not 1 <= month <= 12 or not 1 <= day <= 30:
        return None
    first, leap, lengths = row
    before = month - 1 + (1 if leap and month > leap else 0)
    if day > _days(lengths[before]):
        return None
    return date.fromisoformat(f"{year}-{first}") + timedelta(sum(map(_days, lengths[:before])) + day - 1)


def new_years_eve(year: int) -> date | None:
    """除夕 that falls in this Gregorian year, that is the day before its lunar New Year."""
    first = solar(year, 1, 1)
    return first - timedelta(1) if first else None


def _days(mark: str) -> int:
    return 30 if mark == "1" else 29
