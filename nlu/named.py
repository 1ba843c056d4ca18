"""Things that are named and not counted, by what is said of them: 路由器灯是红的, 耳钉掉在浴室.

Pure; works on normalised text. A word is read as a thing by its head (…机, …灯, …液), a device where it is
broken or to be used, an item where it is wanted or was lost. Yields what tells more than the tagger's own
reading does: the whole word where only a piece of it was read, and what was not read at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nlu.found import Found, free

_DEVICE_HEADS = (
    r"马桶圈|马桶|空调|电视|投影|冰箱|冷气|暖气|地暖|水龙头|喷头|花洒|开关|插座|插头|插孔|面板|按钮|"
    r"把手|浴霸|地漏|窗帘|猫眼|门铃|"
    r"抽屉|床垫|床板|衣柜|沙发|浴缸|水管|音响|音箱|遥控|电梯|烟感|电话|水壶|新风|纱窗|百叶窗|晾衣杆|"
    r"淋浴|闸机|道闸|屏幕|充电桩|"
    r"充电口|空气能|热水|灯泡|灯带|洗手台|台面|天花板|墙纸|地毯|地板|玻璃|镜子|机|器|灯|锁|炉|扇|柜|"
    r"缸|泵|阀|盆|箱|桌|椅|仪"
)
_ITEM_HEADS = (
    r"充电[器宝线头]|"
    r"[线液霜膏剂贴巾毯被枕杯瓶壶袋刀叉勺筷碗盘绳夹刷梳伞帽鞋袜裤裙衫衣袍表戒链镯环带证照卡包箱盒匙纸皂片药丸牌棋笔"
    r"灯扇板塞垫罩席架凳椅粥面饭汤粉饺酒茶奶饼糕堡虾鱼鸡鸭串糖]|咖啡|电脑|平板|手机|相机|耳机|耳塞|"
    r"麻将|扑克|毛巾|眼镜|镜|手套|围巾|口红|"
    r"耳钉|项链|钥匙|护照|驾照|行李|水果|牛排|馄饨|云吞|包子|粽子|可乐|雪碧|果汁|啤酒|烧烤|火锅|寿司|"
    r"榴莲|香蕉|西瓜|苹果|橙子|草莓|玩具|公仔|推车|儿童车|笔记本|户口本|单反|相机|吹风机|加湿器|风扇|"
    r"风筒|净化器|消毒器|暖风机|取暖器"
)
_STOPS = (
    "的了和跟与及到送来给上下去吗呢啊呀嘛哦哈谢要怎什就还再是有没请麻不另至都切啥会我你他她您们这那哪在把被让叫帮"
    "想得找忘落丢掉借拿换修点看个又很太里穿赶取吃收带喝放过多代用买加叔呗问嗯着现开"
)
_NO_NAME = rf"[{_STOPS}]|(?<!智)能|按(?!摩)|吧(?!机|台)|自己|知道|存(?!储)|(?<!笔)记(?!本|忆)"
_NAME = rf"(?:(?!{_NO_NAME})[\u4e00-\u9fff]){{0,5}}?"
_COUNTERS = "几张条碗份做件房"  # read with the thing where no number stands before them
_MEASURE = r"[双条瓶包份张碗壶杯盒袋把床根罐串套支块只]"
_EDGE = rf"(?:^|(?<=[\s,。!?;:、\d{_STOPS}道存记间室屋楼浴卫厅]))"
_BROKEN = (
    r"(?:里面?|上面?|那边?)?(?:的?(?:灯|门|水|声音|屏幕|图像|画面|信号|抽屉))?(?:好像|可能|又|突然|"
    r"一直|老是?|总是?|也|都|就|全|自己|根本|有点|还是?|显示|[一两]+)*"
    r"(?:坏|不动|不[亮转响动灵走冷热凉通灭制认出供行好]|不工作|没[信反电热图声水气]|黑屏|花屏|蓝屏|"
    r"死机|漏|堵|卡(?!号|片)|断|松|掉|破|裂|塌|碎|响|嗡|闪|忽闪|"
    r"跳闸|拧|拉不|推不|打不|关不|连不|开不|放不|插不|扫不|刷不|冲不|调不|锁不|拔不|转不|按不|反味|"
    r"返味|臭|滴|冒水|像[^,。]{1,6}响|声音[大太]|噪音|太吵|"
    r"是红|变红|亮红|报错|[EF]\d|故障|失灵|老化|生锈|发霉|歪|短路)"
)
_USED = (
    r"(?:要|该|是)?(?:怎么|咋|如何|怎样|在哪|哪里|放哪|不会)[^,。]{0,2}"
    r"(?:用|开|关|调|设|连|加|启|点|弄|冲|操作|充|按|看|找|投|接|换|$|[,。?])"
)
_DEVICE = re.compile(rf"{_EDGE}(?P<thing>{_NAME}(?:{_DEVICE_HEADS}))(?={_BROKEN}|{_USED}|(?:在哪|是电动))")
_WANTED_AFTER = (
    r"(?:呢)?(?:有没有|有吗|有么|有不|有卖|有的?卖|有得|还有|前台有|能送|能借|可以借|借[我一用]|"
    r"用一下|给我|来一|来两|拿一|送上|送一|再来|没有[,。]|没了|用完|"
    r"少了|不够|[一两三四五六七八九十\d]+[瓶罐支盒包袋杯壶桶碗盘双把根床条份串个只台套张片块件][^的]?)"
)
_LOST_AFTER = (
    r"(?:好像|可能|应该|估计|是不是|昨[天晚]|今[天早]|刚才?|不小心|都|也)*"
    r"(?:挂|放|搁|塞|掉|落|忘|丢|遗|找不|不见|没拿|没带走|少了一只|在你们那)"
)
_WANTED_BEFORE = (
    r"(?:有没有|有无|(?<!需)(?<!不)要|想要|需要|来|拿|送|借|买|加|缺|给我|带|点|想吃|放|换)"
    r"(?:个|点|些|几[个双条瓶包]|一[下点些])?"
    rf"(?:(?:{_MEASURE})(?=[\u4e00-\u9fff]{{2}}|[粥面饭汤粉酒茶水]))?"
)
_ITEM_AFTER = re.compile(rf"{_EDGE}(?P<thing>{_NAME}(?:{_ITEM_HEADS}))(?={_WANTED_AFTER}|{_LOST_AFTER})")
_ITEM_BEFORE = re.compile(
    rf"{_WANTED_BEFORE}(?P<thing>{_NAME}(?:{_ITEM_HEADS}))(?=$|[\s,。!?]|吗|呢|吧|呗|来|去|到|给|可以|"
    rf"能|卖|[一二两三四五六七八九十\d]|上来|过来|行)"
)
_BEHIND = re.compile(rf"(?P<thing>{_NAME}(?:{_ITEM_HEADS}))(?<=..)(?=$|[\s,。!?{_STOPS}])")
_PLACE = re.compile(r"(?:底下|下面|旁边|上面|里面?|后面|缝|柜|抽屉|门口|边上)")
_NO_THING = re.compile(
    r"^(?:老板|深表|小时|员卡|房间|房|客房|前台|酒店|地方|时间|停车|车位|公交|打车|出租车|叫车|专车|"
    r"发票|房卡|门卡|卡|早餐卡|押金|刷卡|身份|飞机|手续|意见|套房|会员卡|床|大床|电梯卡|开机|关机|"
    r"接机|送机|登机|订机|上机|下机|接送机|包车|班车|车|火车|网约车|优惠卡|优惠|儿童|加床|点餐|"
    r"点菜)$|航班|机场|房型|司机|取款机|[接送]机|停车|洗衣服|取证|开证|签证|办证"
)


def find(text: str, taken: list[Found]) -> Iterator[Found]:
    """`taken`: what the grammar has claimed. Devices first: what is broken is not what is wanted."""
    claimed = list(taken)
    for one in _counted(text, taken):
        claimed.append(one)
        yield one
    for kind, pattern in (("device", _DEVICE), ("item", _ITEM_AFTER), ("item", _ITEM_BEFORE)):
        for match in pattern.finditer(text):
            thing, end = match["thing"].lstrip(_COUNTERS), match.end("thing")
            start = end - len(thing)
            if len(thing) < 2 or _NO_THING.search(thing) or (kind == "item" and _PLACE.match(text, end)):
                continue
            if free(start, end, claimed):
                one = Found(kind, thing, thing, start, end)
                claimed.append(one)
                yield one


def _counted(text: str, taken: list[Found]) -> Iterator[Found]:
    """两个晒衣夹: behind counters of all sorts of things, only words with the head of one."""
    for one in taken:
        match = _BEHIND.match(text, one.end) if one.entity == "quantity" else None
        if match and not _NO_THING.search(match["thing"]) and free(*match.span("thing"), taken):
            yield Found("item", match["thing"], match["thing"], *match.span("thing"))
