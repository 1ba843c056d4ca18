"""Safety words must ring for danger and must not ring for talk."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.model import Handoff, Reason, Say
from bot.safety import danger, quieted, read

ROOT = Path(__file__).resolve().parents[2]
DANGER = {
    "fire": [
        "着火了",
        "房间著火了，快來人",
        "走廊里有浓烟",
        "插座冒火花了",
        "闻到烧焦的味道，墙在冒烟",
        "煤气味很重",
        "热水壶冒烟了",
        "火警响了是真的吗，好大烟",
        "There is a fire in the corridor",
        "楼下起火了！！！",
        "1208着 火 了",
        "好像有燃气泄漏",
        "整层楼都是烟，我们看不见路",
        "火災警報響了我們要跑嗎",
    ],
    "medical": [
        "我爸突然晕倒了，快来人",
        "我老婆要生了",
        "心脏疼得厉害，喘不上气",
        "老人摔倒起不来",
        "孩子发高烧抽搐",
        "手被玻璃割了血止不住",
        "食物中毒，全家上吐下泻",
        "救命",
        "救命啊快来",
        "阿爺暈低咗，快啲嚟人",
        "孩子掉进泳池了",
        "快叫救护车",
        "打120",
        "吞了一瓶药，叫不醒",
        "奶奶洗澡滑倒了头破了流了好多血",
        "我胸口很闷",
        "help, someone fainted",
        "宝宝噎住了脸都紫了",
        "洗澡的时候触电了",
        "有人受伤流血了",
        "过敏喘不过气，快",
        "那个我妈妈摔了一跤头磕在地上流了好多血",
        "救名啊",
        "客人倒在地上没有反应",
        "孩子烧到40度",
        "老公好像不行了",
    ],
    "trapped": [
        "我被困在电梯里了",
        "电梯卡住了，里面有人",
        "我被锁在浴室出不来了",
        "電梯卡住了，裡面有人",
        "I'm stuck in the elevator",
        "电梯停在七楼半门打不开",
        "宝宝一个人反锁在里面了",
        "我关在阳台进不去了，外面好冷，困在阳台",
    ],
    "crime": [
        "有人砸门，我很害怕",
        "有陌生人闯进我房间",
        "走廊有人打架",
        "小偷进来了",
        "报警，有人持刀",
        "有人尾随我到房门口",
        "有人抢我包",
        "我女儿走丢了",
        "隔壁男的在打人，女的一直哭",
        "帮我报警",
        "被人骚扰了，他一直跟着我",
        "房间里发现针孔摄像头",
        "Someone broke into my room",
        "有人威胁我要杀我",
        "他拿着刀在走廊",
    ],
    "self_harm": [
        "我不想活了",
        "有人要跳楼",
        "我对象割腕了",
        "活着没意思，想结束自己的生命",
        "I want to kill myself",
        "我想自杀",
    ],
}

TALK = [
    "明早七点叫1208房",
    "打1203房间的电话没人接",
    "请叫1102起床",
    "如果1208空着就给我换过去",
    "我快饿死了",
    "笑死我了",
    "消防演习几点",
    "热死了",
    "着火了是什么歌",
    "困死了",
    "吵死了根本睡不着",
    "累死我了先睡了",
    "冷死了空调坏了",
    "无聊死了聊聊呗",
    "急死人了怎么还没来",
    "贵死了",
    "我快渴死了送两瓶水",
    "笑晕了",
    "烦死了天天发广告",
    "想死你们的早餐了",
    "嗓子冒烟了，送点水",
    "跳楼价有没有",
    "能再砍点价吗",
    "一起玩狼人杀",
    "电脑中毒了能修吗",
    "灭火器在哪",
    "安全出口在哪里",
    "烟雾报警器会不会响",
    "如果着火了怎么逃生",
    "万一半夜有人砸门怎么办",
    "房间里可以点蜡烛吗，会不会着火",
    "抽烟会触发火警吗",
    "附近有医院吗",
    "急救箱有吗",
    "有创可贴吗，手划破了一点",
    "手机摔坏了哪里能修",
    "杯子摔了，来打扫一下",
    "房卡锁在里面了",
    "被锁在门外了",
    "房卡忘在屋里了",
    "热水出不来",
    "验证码出不来",
    "电视画面出不来",
    "航班取消困在机场了，改到后天入住",
    "电梯太慢了",
    "包丢了你们必须赔，不处理这个人我就报警",
    "再不退钱我就报警了",
    "别再骚扰我了，退订",
    "天天发短信骚扰我",
    "优惠房被抢光了吗",
    "能跟踪一下我的快递吗",
    "我要生气了",
    "孩子们在走廊打架闹着玩太吵",
    "地太滑差点摔倒，建议放防滑垫",
    "卫生间有没有防滑垫，怕老人摔倒",
    "我爸刚做完手术，要轮椅",
    "有心脏病能泡温泉吗",
    "我对羽绒过敏",
    "海鲜过敏，记一下",
    "牛排烧焦了，难吃",
    "房间一股烟味",
    "床单上有血迹",
    "全是烟味根本没法住",
    "烟灰缸都是烟头",
    "有打火机吗",
    "附近火锅店哪家好",
    "火车站怎么走",
    "没有人受伤，就是杯子碎了",
    "刚才是误报，没事了，谢谢",
    "房间的枪战片怎么没声音",
    "花洒枪坏了",
    "讲个鬼故事",
    "你是不是要打我电话",
    "打120块的折扣",
    "120块一晚吗",
    "房号1190",
    "110房间送水",
    "孩子生日想布置一下",
    "我困了",
    "洗澡水忽冷忽热",
    "灯一直闪",
    "衣服掉进水里湿了，能烘干吗",
    "早餐爆炸好吃",
    "这价格我要晕倒了",
    "救命，你们的床也太舒服了吧",
    "我妈腿骨折了有没有无障碍房",
    "孩子的小熊找不到了",
    "我儿子的书包丢了",
    "手机掉进马桶了",
    "能帮我叫医生开点感冒药吗",
    "明天老婆生日",
    "我们是来抢房的哈哈",
    "附近治安好吗，晚上会不会有坏人",
    "can I smoke in the room",
    "I'm dying of hunger",
    "stuck in traffic, will be late",
    "门锁坏了",
    "空调漏水",
    "房门锁不上，晚上睡觉不踏实",
    "床塌了一块",
    "窗户关不严漏风",
]


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in DANGER.items() for text in texts])
def test_danger_rings(kind: str, text: str) -> None:
    found = danger(text)
    assert found is not None
    assert found.kind == kind


@pytest.mark.parametrize("text", TALK)
def test_talk_does_not_ring(text: str) -> None:
    assert danger(text) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("噎到了一下，喝口水好了", Reason.HUMAN_HANDOFF),
        ("听说你们那里着过火", Reason.HUMAN_HANDOFF),
        ("他说话说到一半就不吭声了", Reason.EMERGENCY),
        ("听说你们那里着过火，救命，又烧起来了", Reason.EMERGENCY),
    ],
)
def test_the_assistants_alarm_over_what_is_expressly_none_is_a_call_for_a_person(
    text: str, reason: Reason
) -> None:
    acts = (Say("greet"), Handoff(Reason.EMERGENCY))
    assert quieted(acts, text) == (Say("greet"), Handoff(reason))


def test_supposing_with_a_cry_for_help_rings() -> None:
    assert danger("要是再没人来他就不行了，快叫救护车") is not None


def test_a_very_long_message_is_read_from_its_beginning() -> None:
    assert danger("着火了" + "啊" * 100_000) is not None


def test_the_words_come_from_the_file_given() -> None:
    own = read(
        {
            "fold": {},
            "harmless": ["红色预警"],
            "supposing": "如果",
            "urgent": "快",
            "told": "电影",
            "acute": "正在",
            "past": "昨天",
            "present": "现在",
            "kinds": {"storm": ["预警"]},
        }
    )
    found = own.danger("台风预警")
    assert found is not None
    assert (found.kind, found.words) == ("storm", "预警")
    assert own.danger("红色预警") is None
    assert own.danger("昨天预警") is None
    assert own.danger("昨天预警，现在还有")
    assert own.danger("电影里的预警") is None
    assert own.danger("看电影，外面正在预警")


@pytest.mark.parametrize(
    ("text", "rings"),
    [
        ("昨晚有人闯进我房间，你们必须给个说法", False),
        ("上次住你们酒店我在浴室摔倒了", False),
        ("昨晚开始胸痛，现在喘不上气", True),
        ("从昨天一直吐到今天", True),
        ("昨天摔的，快叫救护车", True),
    ],
)
def test_what_is_over_rings_nobody_and_what_goes_on_does(text: str, rings: bool) -> None:
    assert bool(danger(text)) is rings


@pytest.mark.parametrize(
    "text",
    [
        "牛排刀割到手，血流个不停",
        "吃鱼卡住喉咙，吐血丝",
        "孩子晕车吐着吐着晕倒了",
        "跑步机上跑得喘不过气，胸口疼",
        "电梯停在四楼不下来，里面有人在喊",
        "孩子抱着球掉进泳池了",
        "女儿的帽子掉水里，她去捞也掉进泳池了",
        "小偷多吗？刚才有小偷偷我包",
        "119房着火了",
        "110房有人打架",
        "快119！！！",
        "烧烤摊那边冒黑烟，呛得咳",
        "被老板骂得想死，我不想活了",
        "我爸中风三年了，现在又突然说不出话",
        "人民广场那边有人砍人",
        "我妈滑倒了起不来，经理没露面",
        "孩子找不到鞋，跑出去人不见了",
    ],
)
def test_what_sounds_harmless_beside_danger_hides_none(text: str) -> None:
    assert danger(text)


@pytest.mark.parametrize(
    "text",
    [
        "110房的客人是我同事，他退了吗",
        "高铁G119几点到",
        "三文鱼化开一滩血水",
        "我妈有点晕船，药有卖吗",
        "发票搞晕了，帮我看看",
        "无人机掉海里了，能捞吗",
        "跑步跑得喘不过气，泳池还开吗",
        "隔壁打架吵到三点，保安来得太晚了",
        "厨房用的是天然气还是电磁炉",
        "到人民医院怎么走",
    ],
)
def test_what_only_sounds_like_danger_rings_nobody(text: str) -> None:
    assert danger(text) is None


# ---- what was written to find out where the words fail, and ordinary messages by the thousand


def developed() -> list[dict[str, Any]]:
    """The sets that the words were mended by. Of the third, which is held out, no line is asked for here."""
    folder = ROOT / "tests" / "data" / "understanding"
    sets = ("fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
    paths = [folder / name / "emergencies.jsonl" for name in sets]
    return [json.loads(line) for path in paths for line in path.read_text("utf-8").splitlines()]


def learned() -> Iterator[tuple[str, str]]:
    for path in (ROOT / "data" / "nlu").glob("*.yml"):
        for block in yaml.safe_load(path.read_text("utf-8"))["nlu"]:
            for line in block["examples"].splitlines() if "intent" in block else ():
                yield block["intent"], re.sub(r"\[([^\]]*)\]\([a-z_]+\)", r"\1", line.removeprefix("- "))


def test_of_hundreds_that_sound_like_danger_hardly_one_rings() -> None:
    calm = [one["text"] for one in developed() if not one["alarm"]]
    assert len(calm) >= 150
    assert len([text for text in calm if danger(text)]) <= len(calm) // 100


def test_of_hundreds_in_danger_hardly_one_is_missed_by_words() -> None:
    grave = [one["text"] for one in developed() if one["alarm"]]
    assert len(grave) >= 100
    assert len([text for text in grave if not danger(text)]) <= len(grave) // 50


def test_of_thousands_of_ordinary_messages_hardly_one_rings() -> None:
    """A slip in one expression of data/safety.yml shows here first."""
    told = list(learned())
    ordinary = [text for intent, text in told if intent != "emergency"][::4]
    grave = [text for intent, text in told if intent == "emergency"]
    assert len([text for text in ordinary if danger(text)]) <= len(ordinary) // 500
    assert len([text for text in grave if danger(text)]) >= len(grave) * 0.97
