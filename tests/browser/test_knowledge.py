"""The knowledge pages in a real browser: written by one, approved by another, heard by a guest."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.desk_world import (
    COLLEAGUE,
    Visitor,
    desk_page,
    keep,
    problems,
    sign_in,
)
from tests.scenario.world import HOTEL, DeskUser, World, until

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.asyncio(loop_scope="session")]


async def open_page(page: Page, name: str, login: str = "admin") -> None:
    await sign_in(page, login)
    await page.get_by_role("button", name=name, exact=True).click()


async def approved_by_colleague(browser: Browser, world: World, title: str) -> None:
    async with desk_page(browser, world) as page:
        await open_page(page, "知识", COLLEAGUE)
        await page.locator(".point", has_text=title).click()
        await page.get_by_role("button", name="审核通过").click()
        await expect(page.get_by_text("已通过，助手现在就会用")).to_be_visible()
        await keep(page, "knowledge-approved")


async def test_a_fact_that_is_changed_is_what_the_next_guest_hears(browser: Browser, world: World) -> None:
    """First in this file: once a point of the same topic is approved, that one may answer."""
    async with desk_page(browser, world) as page:
        await open_page(page, "知识")
        await page.get_by_role("button", name="酒店资料", exact=True).click()
        await page.fill(".find input", "早餐")
        await page.locator(".fact", has_text="早餐价格（成人）").click()
        await expect(page.locator(".use .said").first).to_contain_text("¥88")
        await page.fill("#fact-value", "九十八")
        await expect(page.get_by_role("alert")).to_have_text(re.compile("这里填金额"))
        await keep(page, "facts-wrong")
        await page.fill("#fact-value", "98")
        await expect(page.locator(".said.new")).to_contain_text("成人 ¥98 一位")
        await keep(page, "facts-preview")
        await page.get_by_role("button", name="保存，马上生效").click()
        await expect(page.locator(".changes li")).to_contain_text("¥88 → ¥98")
        await expect(page.locator(".fact.open")).to_contain_text("¥98")
        await keep(page, "facts-changed")
    async with Visitor(world) as guest:
        await guest.say("早餐多少钱")
        await guest.heard("成人 ¥98 一位")


async def test_one_writes_another_approves_and_the_guest_hears_it(browser: Browser, world: World) -> None:
    async with desk_page(browser, world) as page:
        await open_page(page, "知识")
        await expect(page.locator(".point").first).to_be_visible()
        await keep(page, "knowledge-list")
        await page.get_by_role("button", name="新建知识").click()
        await page.fill("#point-title", "早餐券丢了怎么办")
        await page.fill("#point-variants", "早餐票找不到了\n没有早餐券能吃吗")
        await page.fill("#point-answer", "没关系，到")
        await page.locator(".facts").select_option("{breakfast_place}")
        await page.locator("#point-answer").press("End")
        await page.locator("#point-answer").press_sequentially("报房号就行。")
        await expect(page.locator(".phone .said")).to_have_text("没关系，到二楼海风餐厅报房号就行。")
        await page.locator("#point-topic").select_option("ask_breakfast")
        await keep(page, "knowledge-editor")
        await page.get_by_role("button", name="保存，等审核").click()
        await expect(page.get_by_text("这一版是您改的，要请另一位同事审核")).to_be_visible()
        assert await page.get_by_role("button", name="审核通过").count() == 0
        await keep(page, "knowledge-waiting")
    await approved_by_colleague(browser, world, "早餐券丢了怎么办")
    async with Visitor(world) as guest, desk_page(browser, world) as page:
        await guest.say("早餐票找不到了")
        await guest.heard("报房号就行")
        await sign_in(page)
        await page.locator(".row").first.click()
        answer = page.locator(".message.assistant", has_text="报房号就行")
        await answer.get_by_role("button", name="更多").click()
        source = page.get_by_role("menuitem", name="依据：早餐券丢了怎么办（第 1 版）")
        await expect(source).to_be_visible()
        await keep(page, "knowledge-source")
        await source.click()
        await expect(page.locator("#point-title")).to_have_value("早餐券丢了怎么办")


async def test_what_is_missing_or_broken_is_shown_while_it_is_written(browser: Browser, world: World) -> None:
    async with desk_page(browser, world) as page:
        await open_page(page, "知识")
        await page.get_by_role("button", name="新建知识").click()
        await page.fill("#point-title", "可以租自行车吗")
        await page.fill("#point-answer", "可以，每小时 {bike_price:money}。")
        await expect(page.get_by_role("alert").filter(has_text="bike_price")).to_be_visible()
        await keep(page, "knowledge-missing")
        await page.fill("#point-answer", "可以，{")
        await expect(page.get_by_role("alert").filter(has_text="大括号写得不对")).to_be_visible()
        await page.get_by_role("button", name="保存，等审核").click()
        await expect(page.locator(".toast", has_text="大括号写得不对")).to_be_visible()
        # What was typed is still there after a look at something else.
        await page.get_by_role("button", name="会话", exact=True).click()
        await page.go_back()
        await expect(page.locator("#point-title")).to_have_value("可以租自行车吗")
        await page.get_by_role("button", name="放弃改动").click()
        await expect(page.get_by_text("选一条看看，或新建一条")).to_be_visible()


async def test_a_change_leaves_the_old_answer_until_it_is_approved(browser: Browser, world: World) -> None:
    async with desk_page(browser, world) as page:
        await open_page(page, "知识")
        await page.fill(".find input", "游泳池")
        await page.locator(".point", has_text="游泳池").first.click()
        await page.fill("#point-answer", "泳池检修，{pool_place}，下周一开。")
        await page.fill("#point-to", f"{world.clock().now() + timedelta(days=9):%Y-%m-%d}")
        await page.get_by_role("button", name="保存，等审核").click()
        await expect(page.get_by_text("客人现在听到的是第 1 版：")).to_be_visible()
        await expect(page.get_by_text("第 2 版").first).to_be_visible()
        await keep(page, "knowledge-changed")
        await page.get_by_role("button", name="取回这一版").click()
        await expect(page.locator("#point-answer")).to_have_value(re.compile("泳池在"))
        await page.get_by_role("button", name="放弃改动").click()


async def test_a_file_is_looked_at_before_it_is_taken(browser: Browser, world: World, tmp_path: Path) -> None:
    file = tmp_path / "常见问题.csv"
    rows = [f"crib-{n},有几张婴儿床{n},,有 {n} 张。" for n in range(3)]
    lines = ["编号,标题,相似问法,答案", *rows, "ask_gym,健身房,,健身房暂停开放。", "x,,,没有标题"]
    file.write_text("\n".join(lines), "utf-8")
    async with desk_page(browser, world) as page:
        await open_page(page, "知识")
        await page.get_by_role("button", name="导入").click()
        await page.set_input_files("input[type=file]", file)
        await expect(page.get_by_text("新增 3 条，改动 1 条，0 条没有变化")).to_be_visible()
        await expect(page.get_by_text("第 6 行：标题还是空的")).to_be_visible()
        await page.wait_for_timeout(400)
        await keep(page, "knowledge-import")
        await page.get_by_role("button", name="导入为草稿（4 条）").click()
        await expect(page.get_by_text("已导入 4 条，审核通过后生效")).to_be_visible()
    async with desk_page(browser, world) as page:
        await open_page(page, "知识", COLLEAGUE)
        await expect(page.locator(".line input:enabled")).not_to_have_count(0)
        for box in await page.locator(".line input:enabled").all():
            await box.check()
        await keep(page, "knowledge-select")
        await page.locator(".bulk button").click()
        await expect(page.locator(".toast", has_text="通过了")).to_be_visible()


async def test_what_was_asked_in_vain_becomes_knowledge(browser: Browser, world: World) -> None:
    for words in ("附近有滑雪场吗", "附近哪里能滑雪"):
        async with Visitor(world) as guest:
            await guest.say(words)
            await until(lambda guest=guest: guest.messages())
    async with desk_page(browser, world) as page:
        await open_page(page, "未答上的问题")
        await expect(page.locator(".group")).to_have_count(1)
        await expect(page.locator(".group .count")).to_have_text("2 次")
        await keep(page, "knowledge-questions")
        assert await problems(page) == []
        await page.get_by_role("button", name="写成知识").click()
        await expect(page.locator("#point-variants")).to_have_value("附近有滑雪场吗")
        await page.fill("#point-answer", "打车 40 分钟有一家。")
        await page.get_by_role("button", name="保存，等审核").click()
        await expect(page.get_by_text("这一版是您改的")).to_be_visible()
        await page.get_by_role("button", name="未答上的问题", exact=True).click()
        await expect(page.get_by_text("都答上了")).to_be_visible()
        await keep(page, "knowledge-questions-none")


async def skiing(user: DeskUser) -> str | None:
    """The conversation that waits with the question about skis."""
    waiting = await user.conversations("WAITING")
    return next((str(row["id"]) for row in waiting if row["last"]["text"] == "滑雪板能寄存吗"), None)


async def test_a_colleagues_reply_becomes_a_draft(browser: Browser, world: World) -> None:
    async with Visitor(world) as guest, desk_page(browser, world) as page:
        await guest.say("滑雪板能寄存吗")
        user = await world.desk()
        await until(lambda: skiing(user))
        await sign_in(page, path=f"/desk/{HOTEL}/{await skiing(user)}")
        await page.fill(".box textarea", "可以，放一楼行李房，免费。")
        await page.keyboard.press("Enter")
        said = page.locator(".message.staff", has_text="放一楼行李房")
        await said.get_by_role("button", name="更多").click()
        await page.get_by_role("menuitem", name="存为知识").click()
        await expect(page.locator("#point-title")).to_have_value("滑雪板能寄存吗")
        await expect(page.locator("#point-answer")).to_have_value("可以，放一楼行李房，免费。")
        await keep(page, "knowledge-from-reply")


async def test_the_pages_fit_a_phone_the_dark_and_a_small_window(browser: Browser, world: World) -> None:
    for name, width, dark in (("phone", 390, False), ("dark", 1440, True), ("narrow", 1024, False)):
        async with desk_page(browser, world, width=width, dark=dark) as page:
            await open_page(page, "知识")
            await expect(page.locator(".point").first).to_be_visible()
            await keep(page, f"knowledge-list-{name}")
            assert await problems(page) == []
            await page.locator(".point").first.click()
            await expect(page.locator("#point-title")).to_be_visible()
            wide = await page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width
            await keep(page, f"knowledge-editor-{name}")
            assert await problems(page) == []
