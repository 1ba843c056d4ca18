"""The sample of a hotel's app, in a real browser: what a guest of the app sees and does."""

import re

import pytest
from playwright.async_api import Browser, expect

from bot import first_start
from tests.browser.desk_world import SCREENSHOTS, problems, tell
from tests.media_files import picture
from tests.scenario.world import HOTEL, World, until

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize(("name", "width", "height"), [("desktop", 1280, 860), ("phone", 390, 844)])
async def test_a_guest_of_the_app_is_answered_by_the_assistant_and_by_a_person(
    browser: Browser, world: World, name: str, width: int, height: int
) -> None:
    if name == "desktop":
        world.bot.command(
            *("account", "add", "app", "--hotel", HOTEL, "--id", first_start.SAMPLE_APP),
            *("--set", "sample=true"),
        )
        world.bot.command("account", "key", "add", "app", first_start.SAMPLE_APP)
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    context = await browser.new_context(
        base_url=world.bot.url, viewport={"width": width, "height": height}, locale="zh-CN"
    )
    errors: list[str] = []
    context.on("weberror", lambda error: errors.append(str(error.error)))
    page = await context.new_page()
    try:
        await page.goto(f"/sample/{HOTEL}/app")
        await expect(page.locator("#status")).to_have_text("自动助手在为您服务")
        await page.screenshot(path=SCREENSHOTS / f"app-{name}-first.png")
        assert await problems(page) == []

        await page.get_by_role("button", name="早餐几点？").click()
        answers = page.locator(".one.assistant p")
        await expect(answers).to_contain_text(["06:30–10:00"])
        await expect(page.locator(".one.waits")).to_have_count(0)
        notice = page.locator(".one.assistant p a")
        await expect(notice).to_have_attribute("href", "https://www.xinghaihui.example/privacy")
        await expect(notice).to_have_attribute("rel", "noopener noreferrer nofollow")
        async with page.expect_file_chooser() as chosen:
            await page.get_by_role("button", name="发图片或文件").click()
        await (await chosen.value).set_files(
            files=[{"name": "窗外.jpg", "mimeType": "image/jpeg", "buffer": picture(640, 400)}]
        )
        sent = page.locator(".one.guest img")
        await expect(sent).to_be_visible()
        await until(lambda: sent.evaluate("img => img.complete && img.naturalWidth === 640"))

        await page.get_by_label("消息").fill("转人工")
        await page.get_by_label("消息").press("Enter")
        desk = world.desks[0] if world.desks else await world.desk()
        conversation = await until(lambda: desk.one("WAITING"))
        await expect(page.locator("#status")).to_have_text("正在为您转接同事")
        await desk.reply(conversation, "您好，我是前台，给您留了靠窗的位子")
        await expect(page.locator(".one.staff p")).to_have_text("您好，我是前台，给您留了靠窗的位子")
        await expect(page.locator("#status")).to_contain_text("为您服务")
        if name == "desktop":
            await page.get_by_role("button", name="取一个绑定码").click()
            await expect(page.locator("#digits")).to_have_text(re.compile(r"\d{4} \d{4}"))
        await page.screenshot(path=SCREENSHOTS / f"app-{name}.png")
        assert await problems(page) == []
        assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth")

        await desk.act(conversation, "close", reason="solved")
        await page.get_by_role("button", name="5 星").click()
        await expect(page.get_by_label("评价", exact=True)).to_have_count(0)
        assert errors == []
    except BaseException:
        await tell(page, *errors)
        raise
    finally:
        await context.close()
