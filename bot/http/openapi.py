"""The OpenAPI document, made from the same rows that the routes are added from: neither can drift.

A row is an Operation; each API keeps its own table of them beside its handlers.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from bot.http.guard import SETTINGS, Handler, respond

Schema = dict[str, Any]

API_VERSION = "1"
JSON, BINARY, TEXT = "application/json", "application/octet-stream", "text/plain"


@dataclass(frozen=True)
class Operation:
    """One route: what it takes, what it gives, and with which statuses it may refuse."""

    method: str
    path: str
    handler: Handler
    summary: str
    tag: str
    answer: Schema | None = None  # of the success; None: nothing that a schema could say
    body: Schema | None = None
    query: Mapping[str, Schema] = field(default_factory=dict)  # each may say that it is `required`
    refusals: tuple[int, ...] = ()
    others: Mapping[int, Schema] = field(default_factory=dict)  # further answers with a shape of their own
    success: int = 200
    takes: str = JSON
    gives: str = JSON
    public: bool = False
    required_body: bool = True


OPERATIONS = web.AppKey("operations", list[Operation])


def add_operations(app: web.Application, operations: Iterable[Operation]) -> None:
    """Add the routes, and to the document what they are."""
    for one in operations:
        app.router.add_route(one.method, one.path, one.handler)
        app[OPERATIONS].append(one)


def add_routes(app: web.Application) -> None:
    add_operations(app, _OWN)


async def show_document(request: web.Request) -> web.Response:
    return respond(document(told_by(request.app), request.app[SETTINGS].base_url))


def told_by(app: web.Application) -> list[Operation]:
    """What this application's document tells."""
    return app[OPERATIONS]


def document(operations: Iterable[Operation], base_url: str) -> Schema:
    paths: dict[str, Schema] = {}
    for one in operations:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "店小二 API",
            "version": API_VERSION,
            "summary": "A hotel's guest service inside the hotel's own app. 酒店自有 App 里的对客服务。",
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": base_url}],
        "security": [{"guest": []}],
        "tags": [{"name": name, "description": words} for name, words in _TAGS.items()],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "guest": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "Signed by the hotel's backend (HS256 or ES256) with sub, exp and aud.",
                }
            },
            "schemas": SCHEMAS,
        },
    }


def _operation(one: Operation) -> Schema:
    made: Schema = {"summary": one.summary, "tags": [one.tag], "operationId": _id(one)}
    if one.public:
        made["security"] = []
    names = [part[1:-1] for part in one.path.split("/") if part.startswith("{")]
    in_path = [{"name": n, "in": "path", "required": True, "schema": {"type": "string"}} for n in names]
    made["parameters"] = in_path + [_parameter(name, schema) for name, schema in one.query.items()]
    if one.body is not None:
        made["requestBody"] = {"required": one.required_body, "content": {one.takes: {"schema": one.body}}}
    content = {one.gives: {"schema": one.answer}} if one.answer is not None else None
    made["responses"] = {str(one.success): _answer("Done.", content)}
    for status in sorted({*one.refusals, *(() if one.public else (401,))}):
        made["responses"][str(status)] = _answer(_STATUSES[status], {JSON: {"schema": ref("Problem")}})
    for status, schema in one.others.items():
        made["responses"][str(status)] = _answer(_STATUSES[status], {JSON: {"schema": schema}})
    return made


def _answer(words: str, content: Schema | None) -> Schema:
    return {"description": words} | ({"content": content} if content else {})


def _parameter(name: str, schema: Schema) -> Schema:
    kept = {word: value for word, value in schema.items() if word not in ("required", "description")}
    return {
        "name": name,
        "in": "query",
        "required": schema.get("required", False),
        "description": schema.get("description", ""),
        "schema": kept,
    }


def _id(one: Operation) -> str:
    return getattr(one.handler, "__name__", "") + "_" + one.tag


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def shape(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    """An object; fields are only ever added, so others may be there."""
    optional = optional or {}
    return {"type": "object", "properties": {**required, **optional}, "required": list(required)}


def nullable(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


STRING: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
TRUTH: Schema = {"type": "boolean"}
MOMENT: Schema = {"type": "string", "format": "date-time"}

SCHEMAS: dict[str, Schema] = {
    "Problem": shape(
        {
            "error": shape(
                {
                    "code": {"type": "string", "description": "what a program looks at"},
                    "message": {"type": "string", "description": "what a person is told, by Accept-Language"},
                }
            )
        }
    ),
    "Option": shape({"title": STRING, "text": {"type": "string", "description": "what choosing it sends"}}),
    "File": shape(
        {
            "id": STRING,
            "kind": {"enum": ["image", "voice", "video", "file"]},
            "type": STRING,
            "size": COUNT,
            "address": {"type": "string", "description": "where it is to be had for now, below this server"},
        },
        {"name": STRING, "width": COUNT, "height": COUNT, "seconds": {"type": "number"}},
    ),
    "Speaker": shape(
        {"kind": {"enum": ["assistant", "waiting", "staff", "closed"]}, "name": nullable(STRING)}
    ),
    "Message": shape(
        {
            "id": {"type": "string", "description": "unique; a message that comes twice is the same one"},
            "seq": COUNT,
            "channel": {"type": "string", "description": "where it was said: app, web, wechat …"},
            "from": {"enum": ["guest", "assistant", "staff"]},
            "name": nullable(STRING),
            "text": STRING,
            "options": nullable({"type": "array", "items": ref("Option")}),
            "file": nullable(ref("File")),
            "at": MOMENT,
            "client_id": nullable(STRING),
        }
    ),
    "Conversation": shape(
        {
            "id": nullable(STRING),
            "seq": COUNT,
            "state": {"enum": ["BOT", "WAITING", "STAFF", "CLOSED"]},
            "speaker": ref("Speaker"),
            "unread": {**COUNT, "description": "messages to the guest after their read mark"},
            "typing": {"type": "boolean", "description": "somebody is writing to the guest"},
        },
        {"rate": nullable({**COUNT, "description": "the visit that the guest may rate now"})},
    ),
    "Page": shape(
        {
            "messages": {"type": "array", "items": ref("Message"), "description": "the oldest first"},
            "cursor": {**nullable(STRING), "description": "give it as `after` to get what comes next"},
            "earlier": {**nullable(STRING), "description": "give it as `before`; null: there is nothing"},
            "reset": {"type": "boolean", "description": "forget what was shown: this view begins anew"},
            "conversation": ref("Conversation"),
        }
    ),
    "Sent": shape({"id": STRING, "seq": COUNT, "client_id": STRING, "at": MOMENT}),
}

_STATUSES = {
    400: "The request can't be taken; the code says what is wrong with it.",
    401: "The token is missing or not believed; the code says why.",
    403: "Not from here.",
    404: "There is no such thing.",
    409: "Not in this state.",
    413: "Too large.",
    415: "Not a kind of file that is taken, or broken.",
    429: "Too often; ask again later.",
    503: "Something that is needed is away; ask again later.",
}

_TAGS = {
    "app": "What the hotel's app calls for its guest.",
    "service": "Health, and this document.",
}

_DESCRIPTION = """The hotel's backend signs a short-lived token for its guest (15 minutes at most); the app
sends it as `Authorization: Bearer …`. Sending is idempotent by `client_id`; history has opaque cursors; what
is new comes over `GET /app/v1/socket` (the token in the first frame) or `GET /app/v1/poll`. Fields are only
ever added. docs/channels/app.md tells more.

酒店后台给客人签发短期令牌（最长 15 分钟），App 以 `Authorization: Bearer …` 携带；同一个 `client_id`
重复发送只算一条；历史用游标翻页；新消息走 WebSocket 或长轮询。"""

_OWN = (
    Operation(
        "GET",
        "/openapi.json",
        show_document,
        "This document. 本文档。",
        "service",
        answer={"type": "object"},
        public=True,
    ),
)
