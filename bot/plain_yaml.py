"""YAML as people mean it: 10:30 is text and not 630, 0801 is a room and not a number, `no` is a word.

Only true/false, plain decimal integers and null have a type of their own; everything else is text.  A key
that stands twice is a mistake, not a silent loss.
"""

import re
from pathlib import Path
from typing import Any

import yaml

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml reads ten times faster


class _PlainLoader(_Loader):  # type: ignore[misc]
    yaml_implicit_resolvers: dict[str, list[Any]] = {}  # noqa: RUF012  (PyYAML's own way of saying it)

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.twice: list[str] = []

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                self.twice.append(f"line {key.start_mark.line + 1}: {key.value} stands twice")
            seen.add(key.value)
        made: dict[Any, Any] = super().construct_mapping(node, deep=True)
        return made


_PlainLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
_PlainLoader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"^-?(?:0|[1-9][0-9]*)$"), list("-0123456789")
)
_PlainLoader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|)$"), ["~", "n", ""])


def read_yaml(file: Path) -> tuple[Any, list[str]]:
    """The file's content and what is wrong with it.  Content is None where it can't be read at all."""
    try:
        loader = _PlainLoader(file.read_text(encoding="utf-8"))
    except OSError as error:
        return None, [f"{file} can't be read: {error.strerror}"]
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        return None, [f"{file.name}: can't be read: {error}"]
    try:
        content = loader.get_single_data()
    except yaml.YAMLError as error:
        return None, [f"{file.name}: {' '.join(str(error).split())}"]
    finally:
        loader.dispose()
    return content, [f"{file.name}: {mistake}" for mistake in loader.twice]
