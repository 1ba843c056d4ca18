"""Which words say a number of stars, and which only look like it."""

from bot.rating import stars_in

SAY = {
    5: "5 ５ 五星 5星 五颗星 打5分 给你们五星好评 非常满意！ 很满意，谢谢 谢谢，很满意 满分 ★★★★★",
    4: "满意 满意👍 挺满意的 四星 4分 ⭐️⭐️⭐️⭐️",
    3: "一般 还行吧 3 三分",
    2: "不满意 不太满意 两星 2",
    1: "很不满意 差评 一星 1。",
}
SAY_MORE = (
    "5点叫我 五点 5条毛巾 1208 55 6 0 10分 三分钟 2楼 满意，不过空调还是坏的 不满意，叫你们经理来 太差了 行 "
    "好的 谢谢 您好 1个枕头 5星级酒店吗 五星酒店多少钱 ★★★★★★ 。 满意吗 你们满意就行 了"
)


def test_words_that_say_so_and_nothing_else() -> None:
    wanted = {said: stars for stars, words in SAY.items() for said in words.split()}
    wanted |= {"5 分": 5, "5 stars": 5, "Very satisfied.": 5, "thanks, 4": 4}
    assert {said: stars_in(said) for said in wanted} == wanted


def test_words_that_are_about_something_else() -> None:
    assert [said for said in SAY_MORE.split() if stars_in(said)] == []
