"""Rooms, phones, order numbers, amounts and quantities in a guest's sentence. Pure; knows no dates.

Works on normalised text (nlu.normal). What dates and times have claimed is passed in as `taken`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from nlu.found import Found, free
from nlu.numerals import ARABIC, CHAR, DIGITS, ENGLISH, NUMBER, number, spelled, whole

# ---------------------------------------------------------------- phones and orders

_SEP = r"[\s-]?"
_MOBILE = rf"(?:(?:\+|00)?86{_SEP})?1[3-9](?:{_SEP}\d){{9}}"
_LINE = rf"(?:\+|00)86{_SEP}\(?0?[1-9]\d{{1,2}}\)?{_SEP}\d{{7,8}}|\(?0\d{{2,3}}\)?{_SEP}\d{{4}}{_SEP}\d{{3,4}}|[48]00{_SEP}\d{{3}}{_SEP}\d{{4}}"
_ABROAD = r"(?:\+|00)(?!86)[1-9]\d{0,3}(?:[\s/-]{0,2}\(?\d{1,5}\)?){2,6}"
_PHONE_WORD = r"(?:电话|手机|联系方式|座机|tel|phone|mobile)(?:号码?)?(?:是|为)?[:\s]*"
_PHONE = re.compile(
    rf"(?<![\da-z])(?:{_MOBILE}|{_LINE})(?!-?\d)|(?<![\da-z+-]){_ABROAD}(?![\d-])"
    rf"|{_PHONE_WORD}(?P<named>\(?\d(?:[\s()./-]{{0,2}}\d){{7,14}})(?![\d-])"
    r"|(?<![零一二三四五六七八九十])[一幺][三四五六七八九](?:\s?[零〇一二三四五六七八九幺]){9}(?!\s?[零一二三四五六七八九十])"
)
_ORDER_WORD = r"(?:订单|预订|预定|确认|单|编|流水)(?:编)?号(?:码)?(?:是|为)?[:\s]*#?"
_ORDER = re.compile(
    rf"{_ORDER_WORD}(?P<named>\d{{4}}(?: \d{{4}})+|[a-z]{{0,5}}-?\d[\da-z-]{{3,}})"
    r"|(?:订单|单子|(?:order|booking|reservation|confirmation)\s*(?:no\.?|number)?\s*)\s*#?(?P<after>[a-z]{0,5}\d[\da-z-]{5,})"
    r"|(?<![\da-z])(?P<lettered>[a-z]{1,5}-?\d{6,}[\da-z]*)"
    r"|(?<![\d.])(?P<long>\d{12,24})(?!\d)"
)


def _phones(text: str) -> Iterator[Found]:
    for match in _PHONE.finditer(text):
        group = "named" if match["named"] else 0
        raw = match.group(group)
        digits = spelled(raw.replace(" ", "")) or re.sub(r"\D", "", raw)
        digits = re.sub(r"^(?:00)?86(?=1[3-9]\d{9}$)", "", digits)
        digits = re.sub(r"^(?:00)?860?(?=[1-9]\d{8,10}$)", "0", digits) if raw[0] in "+0" else digits
        yield Found("phone", digits, raw, match.start(group), match.end(group))


def _order_numbers(text: str) -> Iterator[Found]:
    for match in _ORDER.finditer(text):
        group = match.lastgroup or "long"
        raw = match.group(group)
        yield Found("order_number", raw.upper().replace(" ", ""), raw, match.start(group), match.end(group))


def named_orders(text: str) -> list[Found]:
    """Those that are called so: what looks like a date in one (订单号20270115) is none."""
    named = ((match.start("named"), match.end("named")) for match in _ORDER.finditer(text) if match["named"])
    spans = set(named)
    return [one for one in _order_numbers(text) if (one.start, one.end) in spans]


# ---------------------------------------------------------------- rooms

_ROOM_DIGITS = r"(?:0[1-9]\d{2}|[1-9]\d{2,3})"
_SPELLED_ROOM = r"[一二三四五六七八九幺][零〇一二三四五六七八九幺]{2,3}"
_ROOM_CHAR = r"[零〇一二三四五六七八九幺\d]"
_DOOR = r"[零〇][一二三四五六七八九]"  # 十二零八, 十二楼零八: the door on its floor
_FLOOR = r"(?:二?十[一二三四五六七八九]?|[一二三四五六七八九]|[1-9]\d?)"
_ROOM_SUFFIX = r"(?:号房间?|号客房|房间|客房|房|室|号)"
_ROOM_PREFIX = r"(?:房间?号码?|房号|房间|客房|住在?|我是|这里是|room|rm)(?:是|为)?[:\s]*"
_ROOM = re.compile(
    rf"{_ROOM_PREFIX}(?P<named>{_ROOM_DIGITS}|{_SPELLED_ROOM})(?![\d零一二三四五六七八九十百晚天间夜个年路块元次位点])"
    rf"|{_ROOM_PREFIX}(?P<lettered>[a-z]-?\d{{3,4}})(?![\da-z次])|(?<![a-z\d])(?P<villa>[a-z]\d{{1,3}})(?=[那这]?[栋幢座]?号?的?别墅(?!区))"
    rf"|(?:我们?在|人在|送[到去]|[拿带搬]到|到)(?P<brought>{_SPELLED_ROOM})(?=[的,。!?、 ]|$)"
    rf"|(?<=我)(?P<mine>[零〇]?{_SPELLED_ROOM})(?=的[,。!?、 ]|的$|这[边儿里间])"
    rf"|(?<=[楼层])(?P<upstairs>{_SPELLED_ROOM})(?![{CHAR}年块元个位])"
    rf"|{_ROOM_PREFIX}(?P<spaced>{_ROOM_CHAR}(?: {_ROOM_CHAR}){{2,3}})(?![\d ]*\d)"
    rf"|(?<![a-z\d])(?P<alone>(?<=^)[a-z]-?[1-9]\d{{2,3}}(?=\s*$))|(?<![a-z\d])(?P<block>[a-z](?:(?:栋|座|幢|区)\s?|-)?[1-9]\d{{2,3}}(?=号?(?:房|客房|室)(?!型|价|费))|[a-z](?:栋|座|幢|区)\s?[1-9]\d{{2,3}})(?!\d)"
    rf"|(?<![{CHAR}\d])(?P<floor>{_FLOOR}[楼层]\s?(?:0[1-9]|[1-4]\d(?=号|房|室|$|[,。 ])|{_DOOR}))(?![\d点个条{CHAR}])"
    rf"|(?<![{CHAR}\d])(?P<door>二?十[一二三四五六七八九]?{_DOOR})(?![{CHAR}点个位块元天年月日号条瓶分])"
    rf"|(?<![{CHAR}第])(?P<scaled>[一二两三四五六七八九]千[{CHAR}]*[零百]?[一二三四五六七八九]|[一二三四五六七八九]百[{CHAR}]*[一二三四五六七八九])(?=号?房(?!型|价|费|钱)|号客房|室)"
    rf"|(?<![\d.a-z-])(?P<suffixed>{_ROOM_DIGITS})(?={_ROOM_SUFFIX}(?!型|价|费|钱|租))"
    rf"|(?<![零一二三四五六七八九十百千幺第])(?P<said>{_SPELLED_ROOM})(?={_ROOM_SUFFIX}(?!型|价|费))"
    r"|(?<![零一二三四五六七八九十百千幺第\d])(?P<zero>[一二三四五六七八九幺][零〇一二三四五六七八九幺]?[零〇][一二三四五六七八九]|"
    r"[一二三四五六七八九幺](?=[一二三四五六七八九]?[零〇幺])[零〇一二三四五六七八九幺]{2,3}|[一二三四五六七八九][零〇][一二三四五六七八九幺])(?![零一二三四五六七八九十百千幺年])"
)
_BARE_ROOM = re.compile(
    r"(?<![\d.:$¥￥a-z~-])(?P<bare>(?:(?<=[2-9]\d\d[/])|(?<=\d\d\d\d[/])|(?<![/]))(?<!\d,)[1-9]\d{2}|[1-9]\d{3}|0[1-9]\d{2})(?![\d.:%℃°~-]*\d|,\d{3}(?!\d)|[%℃°a-z])"
)
_NOT_A_ROOM_AFTER = re.compile(
    r"\s*(?:块|元|圆|钱|年|人|位|名|平|米|公里|千米|点|分|秒|多|以|左右|度|次|张|间|晚|天|个|瓶|条|份|万|千|百|克|斤|ml|兆|m|g|p|w|寸|太贵|一晚|每晚|一间|电话|热线|积分|分贝|折|押金|房费|的(?:票|发票|收据|单)|周年|路|国道|大巴|抵|券|现金|额度)"
)
_NOT_A_ROOM_BEFORE = re.compile(
    r"(?:密码|口令|wifi|网上|网价|才|只要|卖|价格?|扣|多收|少退|退了?我?|便宜|优惠|减|押金|交了?|付了?|花了?|收了?我?|收我|满|第|地铁|航班|"
    r"车次|牌号|号码|验证码|尾号|[后末]四位|积分|费用?|要我?|电话|打|叫|拨|张|给我|公交|坐|抵|充|(?:充|满|买|办|存|消费)[^,。]{0,8}送|送了|返|变成|说好|原价|现价|标价|不到|超过|大概|约)\s*(?:是|为|:)?\s*$"
)
# Who is called, and when: 叫1208起床, 七点叫1208.
_WOKEN_AFTER = re.compile(
    r"(?:的?客人|那[间屋桌])?(?:起床|起来|醒|别|小声|安静|下来|接电话|没人接|没接|不接|的?电话|开门|退房|早$|早[,。 ])"
)
_WOKEN_BEFORE = re.compile(
    r"(?:[点半刻分钟早]|:\d\d|叫早|起床|麻烦|请|帮忙?|记得)\s*(?:叫醒?|喊|打电话给|打到|打给|call)\s*$"
)
_CALLED_FOR_HELP = frozenset({"110", "119", "120", "114", "122"})
_IS_ROOM_AFTER = re.compile(r"的(?:水|电费|账|消费|客人|押金|房费|费用|房卡|空调|门)")
_MONEY_TALK = re.compile(r"贵|便宜|多少钱|价|优惠|打折|折扣|收费|账单|扣|多收|退款|押金|块|元|刷了")
_ROOM_TALK = re.compile(r"房|送|打扫|修|叫|住|楼|来|换|续|退|收拾|坏|堵|漏|没|不")


def _rooms(text: str) -> Iterator[Found]:
    for match in _ROOM.finditer(text):
        group = match.lastgroup or "named"
        raw = match.group(group)
        yield Found("room_number", _room(raw, group), raw, match.start(group), match.end(group))


def _room(raw: str, group: str) -> str:
    """A栋1208 keeps its block (A1208): two houses may have the same numbers. 12楼08 is 1208."""
    if group == "scaled":
        return str(whole(raw))
    if group in ("floor", "door"):
        floor, door = raw[:-2].rstrip("楼层 "), raw[-2:]
        return f"{whole(floor)}{spelled(door) or door}"
    bare = re.sub(r"[\s栋座幢区-]", "", raw)
    return spelled(bare) or "".join(spelled(char) or char for char in bare).upper()


def _bare_rooms(text: str) -> Iterator[Found]:
    """A lone number of three or four digits is a room, unless the words around say otherwise."""
    for match in _BARE_ROOM.finditer(text):
        start, end = match.span("bare")
        woken = match["bare"] not in _CALLED_FOR_HELP and (
            _WOKEN_AFTER.match(text, end) or _WOKEN_BEFORE.search(text[:start])
        )
        if _NOT_A_ROOM_AFTER.match(text, end) or (not woken and _NOT_A_ROOM_BEFORE.search(text[:start])):
            continue
        if _IS_ROOM_AFTER.match(text, end):
            yield Found("room_number", match["bare"], match["bare"], start, end)
            continue
        if _MONEY_TALK.search(text) and not _ROOM_TALK.search(text):
            continue
        yield Found("room_number", match["bare"], match["bare"], start, end)


# ---------------------------------------------------------------- amounts

_YUAN = r"(?:块钱|块|元钱?|圆|人民币|rmb|cny|yuan|软妹币|大洋|蚊)"
_AMOUNT = re.compile(
    rf"(?:[¥￥]|rmb\s?)(?P<sign>{ARABIC})"
    rf"|(?<!第)(?P<n>{NUMBER})(?:来|多|几)?(?P<unit>{_YUAN})(?P<tail>零?[一二两三四五六七八九\d](?:毛|角)|[零一二三四五六七八九\d](?![间个位条瓶份张天晚人次双床小分{CHAR}\d]))?(?![钟\d](?![间个位条瓶份张天晚人次双床小]))"
    r"|(?P<jiao>[一二两三四五六七八九\d])(?:毛(?:钱|(?=$|[\s,。,!?]))|角钱)"
)
_PIECES = re.compile(r"\s*(?:大|小|的)?(?:蛋糕|肥皂|香皂|皂|毛巾|浴巾|巧克力|披萨|地毯|地垫|布|抹布|面包|牛排|肉|糖|电池|手表|表|板|玻璃|冰|瓜|西瓜|豆腐|饼|地方|牌|巾)")  # fmt: skip
_BARE_AMOUNT = re.compile(
    r"(?:网上|网价|房费|餐费|房价|收费|才|只要|卖|价格?|扣了?我?|多收了?我?|少退了?我?|少退|退了?我?|便宜|优惠|减|押金|交了?|付了?我?|给了|花了?|收了?我?|抵|返|变成|说好|原价|现价|"
    rf"标价|要不要交|押|充值?了?|预算)(?:是|的是|要|了|个|才|只有|大概|在|不到|到|成)?\s*(?P<n>{ARABIC}k?|[{CHAR}]{{2,}})"
    rf"(?![\d.:点号间晚个天位人张次份条瓶楼分小时月年多{CHAR}折%])"
    rf"|(?<![\d.])(?P<dear>{ARABIC}|(?<![{CHAR}])[一二两三四五六七八九][百千][{CHAR}]*?)(?=\s*(?:太贵|贵了|行不行|一晚|/晚|每晚|一间|以下|以内|左右一|封顶|成交|卖不|的(?:套房|大床|标间|双床|房(?!卡|间|客|费|门|账))))"
)


def _amounts(text: str) -> Iterator[Found]:
    for match in _AMOUNT.finditer(text):
        if match["unit"] == "块" and not match["tail"] and _is_piece(match, text):
            continue
        value = _amount_value(match)
        if value is not None:
            yield Found("amount", _plain(value), match.group(), match.start(), match.end())


def _is_piece(match: re.Match[str], text: str) -> bool:
    """一块 is a piece of something; 三百块 is money unless a thing follows."""
    return bool(_PIECES.match(text, match.end())) or (
        match["n"] == "一" and not _MONEY_TALK.search(text[: match.start()])
    )


def _amount_value(match: re.Match[str]) -> float | None:
    if match["jiao"]:
        return (number(match["jiao"]) or 0) / 10
    value = number(match["sign"] or match["n"])
    if value is not None and match["tail"]:
        value += (number(match["tail"].strip("零毛角")) or 0) / 10
    return value


def _bare_amounts(text: str) -> Iterator[Found]:
    for match in _BARE_AMOUNT.finditer(text):
        group = "n" if match["n"] else "dear"
        value = _thousands(match[group])
        if value is not None and value >= 10:
            yield Found("amount", _plain(value), match[group], match.start(group), match.end(group))


_COUNTED = "间个位条瓶份张天晚人次双床米平克斤公里年度步号房楼层路分点岁套台件名户座栋页字种杯碗桌辆只支包盒小毫倍折周月日"
_SPOKEN_AMOUNT = re.compile(
    rf"(?<![第{CHAR}\d之])(?P<n>[一二两三四五六七八九][百千](?:零?[一二三四五六七八九](?:[百十](?:[一二三四五六七八九]十?)?)?)?)(?:来|多)?(?![{CHAR}\d{_COUNTED}])"
)
_NO_MONEY = re.compile(r"千年|百货|百合|百度|百年|百姓|千层|百叶|百家|百事|百香")


def _spoken_amounts(text: str) -> Iterator[Found]:
    """两百八, 六百多: hundreds and thousands of nothing else are money."""
    for match in _SPOKEN_AMOUNT.finditer(text):
        value = number(match["n"])
        if value is not None and not _NO_MONEY.match(text, match.end("n") - 1):
            yield Found("amount", _plain(value), match.group(), match.start(), match.end())


def _thousands(text: str) -> float | None:
    """1.2k and plain numerals."""
    value = number(text.removesuffix("k"))
    return value and round(value * 1000, 2) if text.endswith("k") else value


# ---------------------------------------------------------------- quantities

_TIME_UNITS = r"个?半?(?:小时|钟头|钟(?!头))|分钟|刻钟|个?(?:星期|礼拜)|周(?![一二三四五六日天末岁年])|个月|晚上|晚(?!点|些|餐|饭|到|退|一(?:点|些|会))|天(?!房)|夜|宿|年"
_UNITS = (
    r"间|位|瓶|条|张|份|套|床|双|杯|碗|盒|包|把|台|件|卷|支|枝|根|壶|袋|桶|辆|只|盘|碟|斤|听|罐|提|桌|围|名|岁|寸|公斤|次|块|"
    r"片|颗|粒|串|笼|束|箱|对|副|朵|部|种|顿|排|打(?!扫|包|车|电|折|开|印|不|个|给|一|过|来|通|点)|口(?=人|之家|[,。，]|$)|人|单(?!人|位|间|元)|车|锅|例|扎|听|盆|筒|板|本|米(?=[的高]|$)|倍|"
    r"成|期|场|趟|层|栋|组|批|桌|户|盏|顶|幅|封|匹|头|樽|节(?![日假气目])"
)
_ABOUT = r"(?:来|多|几|余)?"
_QUANTITY = re.compile(
    rf"(?:(?<=[周期拜][一二三四五六日天])|(?<![第每{CHAR}a-z.:/-]))(?!(?<=[周期拜])[一二三四五六][{CHAR}\d])"
    rf"(?:(?<!\d)|(?=[{CHAR}]))(?:[{CHAR}]*[百千][{CHAR}]?(?=一[晚天间]))?"
    rf"(?P<n>(?:[一二两三四五六七八九]{{2}}(?=个|{_UNITS}|晚|天))|\d+(?:-|~|到|至)\d+|{NUMBER})(?P<about>{_ABOUT})(?:(?<=\d) )?"
    rf"(?P<unit>个半(?:小时|钟头|月|钟)|{_TIME_UNITS}|[大小]?个人?|[大小][瓶杯碗盒包袋壶桶份张件]|{_UNITS})"
)
_FAMILY = re.compile(rf"(?P<big>[{CHAR}俩仨\d])大(?P<small>[{CHAR}俩仨\d])小(?![时])")
_PAIR = re.compile(r"(?P<n>俩|仨)(?=(?P<word>人|大|小(?!时)|小时|钟头|个?月|晚|天|礼拜|星期)?)")
_ENGLISH = re.compile(
    rf"(?<![a-z\d])(?P<n>{'|'.join(ENGLISH)}|\d{{1,3}})\s(?:more\s|extra\s)?(?P<unit>[a-z]{{3,}})"
)
_ENGLISH_UNITS = {
    "night": "晚", "room": "间", "people": "人", "person": "人", "adult": "人", "guest": "人", "bottle": "瓶", "day": "天",
    "hour": "小时", "kid": "个", "child": "个", "children": "个", "towel": "条", "pillow": "个", "cup": "杯", "bed": "张",
    "key": "张", "minute": "分钟", "week": "周", "month": "个月", "blanket": "条", "egg": "个", "slipper": "双",
}  # fmt: skip
_NOT_QUANTITY = re.compile(
    r"半(?:夜|道|路|价)|一(?:点|下|般|直|起|样|共|定|些|会|旦|切|律|边|行|度|流|路|方面|条龙|次性)|[一两三]?样"
)
_NOT_AFTER = re.compile(
    r"(?:人间|条件|份额|个性|个别|间接|包间|包厢|包括|包含|位置|位于|本来|片刻|部门|双床|双人|单人|口味|层楼|人房|人间|床房)"
)


def _quantities(text: str) -> Iterator[Found]:
    for match in _QUANTITY.finditer(text):
        if _NOT_QUANTITY.match(text, match.start("n")) or _NOT_AFTER.match(text, match.start("unit")):
            continue
        counted = _count(match["n"])
        if counted is None or (match["unit"] == "年" and len(match["n"]) == 4):
            continue
        value, about = counted
        unit = match["unit"]
        if "半" in unit:
            value, unit = value + 0.5, unit.replace("半", "")
        quantity = {"n": _plain(value), "unit": _unit(unit)}
        start = match.start("n")  # in 三百五一晚 the price comes first
        yield Found("quantity", quantity, match.string[start : match.end()], start, match.end(), about)


def _count(text: str) -> tuple[float, bool] | None:
    """(how many, whether that is only about right): 两三个 and 5-6 give the larger."""
    parts = re.split(r"[-~到至]", text)
    if len(parts) == 2:
        high = number(parts[1])
        return None if high is None else (high, True)
    if re.fullmatch("[一二两三四五六七八九]{2}", text):
        return max(number(text[0]) or 0, number(text[1]) or 0), True
    value = number(text)
    return None if value is None else (value, False)


def _unit(word: str) -> str:
    if word.endswith(("小时", "钟头", "个钟", "钟")) and word not in ("分钟", "刻钟"):
        return "小时"
    if word in ("个星期", "个礼拜", "星期", "礼拜"):
        return "周"
    if len(word) > 1 and word[0] in "大小" and word[1] != "个":
        return word[1:]
    if word.startswith(("个", "小个", "大个")) and word not in ("个月",):
        return "人" if word == "个人" else "个"
    return "晚" if word == "晚上" else word


def _families(text: str) -> Iterator[Found]:
    """俩大一小: two adults and a child."""
    for match in _FAMILY.finditer(text):
        for group, unit in (("big", "大"), ("small", "小")):
            start, end = match.start(group), match.end(group) + 1
            n = DIGITS.get(match[group]) or number(match[group]) or 0
            yield Found("quantity", {"n": _plain(n), "unit": unit}, text[start:end], start, end)


def _pairs(text: str) -> Iterator[Found]:
    """俩 and 仨 carry their own counter: 俩枕头 is two of them, 我们俩 two people."""
    for match in _PAIR.finditer(text):
        word = match["word"] or ("人" if re.search("[我你他她咱]们?$", text[: match.start()]) else "个")
        end = match.end() + len(match["word"] or "")
        n = 2 if match["n"] == "俩" else 3
        yield Found(
            "quantity",
            {"n": n, "unit": _unit(word) if word != "月" else "个月"},
            text[match.start() : end],
            match.start(),
            end,
        )


def _english_quantities(text: str) -> Iterator[Found]:
    for match in _ENGLISH.finditer(text):
        noun = match["unit"]
        unit = _ENGLISH_UNITS.get(noun) or _ENGLISH_UNITS.get(noun.removesuffix("s"))
        if unit is None or match["n"] in ("a", "an"):
            continue
        n = ENGLISH.get(match["n"]) or int(match["n"])
        yield Found("quantity", {"n": n, "unit": unit}, match.group(), match.start(), match.end())


def _plain(value: float) -> int | float:
    return int(value) if value == int(value) else value


# The order is the order of trust: what an earlier reader claims, a later one leaves alone.
_READERS: tuple[Callable[[str], Iterator[Found]], ...] = (
    _phones, _order_numbers, _rooms, _amounts, _bare_amounts, _families, _pairs, _quantities, _english_quantities,
    _spoken_amounts, _bare_rooms,
)  # fmt: skip


def find(text: str, taken: list[Found] | None = None) -> list[Found]:
    """All of them, in reading order, none over another or over `taken`."""
    claimed = list(taken or [])
    found: list[Found] = []
    for reader in _READERS:
        for one in reader(text):
            if free(one.start, one.end, claimed):
                claimed.append(one)
                found.append(one)
    return sorted(found, key=lambda one: one.start)
