"""What whoever ends a visit may leave for colleagues: one line, proposed from its log."""

from aiohttp import web

from bot import closing, summary
from bot.http.guard import DATABASE, Problem, caller, respond
from bot.http.views import lens_of
from bot.model import ConversationId
from bot.store import log


def add_routes(app: web.Application) -> None:
    app.router.add_get("/desk/v1/hotels/{hotel}/conversations/{conversation}/closing", propose)


async def propose(request: web.Request) -> web.Response:
    """`{"words": "客人说“空调不冷”；回复“工程师十分钟到”"}`; empty where the visit tells nothing."""
    me, id_ = caller(request), ConversationId(request.match_info["conversation"])
    async with request.app[DATABASE].read() as tx:
        if await log.row_of(tx, me.hotel, id_) is None:
            raise Problem(404, "not_found")
        lens, thread = await lens_of(request, tx), await log.read_thread(tx, me.hotel, id_)

    def say(key: str, **values: str) -> str:
        """Nothing for what has no words, such as a service of a later release."""
        return lens.hotel.say(key, lens.now, **values) if key in lens.hotel.texts else ""

    return respond({"words": closing.proposed(summary.visits_of(thread)[-1], say)})
