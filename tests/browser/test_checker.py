"""Whether the accessibility checker is installed: without it `problems` of any page finds nothing."""

import pytest

from tests.browser.desk_world import AXE

pytestmark = pytest.mark.browser


def test_the_checker_is_there() -> None:
    if not AXE.is_file():
        pytest.skip("axe-core isn't installed: `make frontend`; no page is checked for accessibility")
