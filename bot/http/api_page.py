"""The OpenAPI document as a page to read: plain HTML made here, no script, nothing from elsewhere."""

import json
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path

from aiohttp import web

from bot.http.guard import SETTINGS
from bot.http.openapi import Schema, document, told_by

PAGE = Path(__file__).with_name("pages") / "api.html"
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
)


def add_routes(app: web.Application) -> None:
    app.router.add_get("/docs", show)


async def show(request: web.Request) -> web.Response:
    told = document(told_by(request.app), request.app[SETTINGS].base_url)
    headers = {"Content-Security-Policy": _POLICY}
    return web.Response(text=render(told), content_type="text/html", headers=headers)


def render(told: Schema) -> str:
    info = told["info"]
    parts = {
        "title": escape(info["title"]),
        "summary": escape(info["summary"]),
        "description": "".join(f"<p>{_words(part)}</p>" for part in info["description"].split("\n\n")),
        "server": escape(told["servers"][0]["url"]),
        "contents": "".join(_contents(told)),
        "operations": "".join(_groups(told)),
        "schemas": "".join(_schema_section(name, s) for name, s in told["components"]["schemas"].items()),
    }
    page = PAGE.read_text("utf-8")
    for name, html in parts.items():
        page = page.replace("{{" + name + "}}", html)
    return page


def _operations(told: Schema, tag: str) -> Iterator[tuple[str, str, Schema]]:
    for path, by in told["paths"].items():
        for method, how in by.items():
            if tag in how["tags"]:
                yield method.upper(), path, how


def _contents(told: Schema) -> Iterator[str]:
    for tag in told["tags"]:
        listed = [
            f'<li><a href="#{how["operationId"]}"><b class="{method}">{method}</b> {escape(path)}</a></li>'
            for method, path, how in _operations(told, tag["name"])
        ]
        if listed:
            yield f"<h2>{escape(tag['name'])}</h2><ul>{''.join(listed)}</ul>"


def _groups(told: Schema) -> Iterator[str]:
    for tag in told["tags"]:
        shown = [_section(*one) for one in _operations(told, tag["name"])]
        if shown:
            yield f"<h2>{escape(tag['name'])}</h2><p>{escape(tag['description'])}</p>{''.join(shown)}"


def _section(method: str, path: str, how: Schema) -> str:
    public = how.get("security") == []
    parts = [f"<p>{escape(how['summary'])}{'' if public else _LOCK}</p>"]
    if how["parameters"]:
        parts.append("<h4>Parameters</h4>" + _table([_parameter(p) for p in how["parameters"]]))
    for type_, body in how.get("requestBody", {}).get("content", {}).items():
        parts.append(f"<h4>Body <small>{escape(type_)}</small></h4>{_shape(body['schema'])}")
    parts.append("<h4>Answers</h4>" + _table([_answer(*one) for one in how["responses"].items()]))
    title = f'<h3><b class="{method}">{method}</b> <code>{escape(path)}</code></h3>'
    return f'<section id="{how["operationId"]}">{title}{"".join(parts)}</section>'


_LOCK = " <small>Token needed.</small>"


def _parameter(one: Schema) -> tuple[str, str]:
    name = f"<code>{escape(one['name'])}</code>" + (" *" if one["required"] else "")
    return name, f"{_type(one['schema'])} {escape(one.get('description', ''))}"


def _answer(status: str, answer: Schema) -> tuple[str, str]:
    shapes = [_type(content["schema"]) for content in answer.get("content", {}).values()]
    return f"<code>{status}</code>", f"{escape(answer['description'])} {' '.join(shapes)}"


def _table(rows: list[tuple[str, str]]) -> str:
    return "<table>" + "".join(f"<tr><td>{a}</td><td>{b}</td></tr>" for a, b in rows) + "</table>"


def _schema_section(name: str, schema: Schema) -> str:
    return f'<section id="schema-{escape(name)}"><h3>{escape(name)}</h3>{_shape(schema)}</section>'


def _shape(schema: Schema) -> str:
    """An object's fields as a table; anything else by its type."""
    fields: Mapping[str, Schema] = schema.get("properties", {})
    if not fields:
        return f"<p>{_type(schema)}</p>"
    needed = schema.get("required", ())
    rows = [
        (
            f"<code>{escape(name)}</code>{' *' if name in needed else ''}",
            f"{_type(of)} {escape(of.get('description', ''))}",
        )
        for name, of in fields.items()
    ]
    return _table(rows)


def _type(schema: Schema) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#schema-{escape(name)}">{escape(name)}</a>'
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(f"<code>{escape(json.dumps(value))}</code>" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if schema.get("properties"):
        inner = ", ".join(f"{escape(name)}: {_type(of)}" for name, of in schema["properties"].items())
        return f"{{{inner}}}"
    limits = {k: v for k, v in schema.items() if k not in ("type", "description", "contentMediaType")}
    shown = f" <small>{escape(', '.join(f'{k} {v}' for k, v in limits.items()))}</small>" if limits else ""
    return f"<i>{escape(str(schema.get('type', 'any')))}</i>{shown}"


def _words(text: str) -> str:
    """Plain words, with `code` as code."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if n % 2 else part for n, part in enumerate(parts))
