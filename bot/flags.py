"""What must not be in a reply: an invitation to somebody's private contact, or an insult.

A flag tells a manager and never holds a reply back. Rules find the plain words, clause by clause, so that a
warning of private contacts, a driver's number or the guest's own beside it is none; what is said in a
roundabout way is found by its likeness to the examples of data/flags. tests/data/flags measures both.
"""

import re
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path

from bot.likeness import Likeness, likeness

PRIVATE, INSULT, NEITHER = "private_contact", "insult", "neither"
EXAMPLES = Path(__file__).resolve().parent.parent / "data" / "flags"
# From which likeness on: in folds of the examples, one of a hundred that are neither lies above each.
LIKE = {PRIVATE: 0.2, INSULT: 0.25}
SHORTEST = 5  # characters; a shorter sentence is like nothing but itself: 来了

_SENTENCES = re.compile(r"[。！!？?\n]+")

_CLAUSES = re.compile(r"[，,。.！!；;\n？?…~～]+")
_DIGITS = re.compile(r"[0-9](?:[0-9 \-]*[0-9])?")
_MOBILE = re.compile(r"(?<![0-9])(?:\+?86)?1[3-9][0-9]{9}(?![0-9])")
_SPOKEN_MOBILE = re.compile(r"[一幺][三四五六七八九][零〇一二三四五六七八九幺]{9}")
LONG = 7  # digits from which on a number is one to call

_MESSENGER = (
    r"(?:微信|薇信|威信|[Vv]信|(?<![A-Za-z])(?:wx|WX|vx|VX|[Ww]e[Cc]hat|QQ|qq|[Ww]hats[Aa]pp"
    r"|[Ll]ine)(?![A-Za-z])"
    r"|企鹅号|抖音|快手|小红书|绿泡泡|[Tt]elegram|电报|(?<![A-Za-z])TG(?![A-Za-z]))"
)
_OFFICIAL = re.compile(r"公众号|官方|企业微信|酒店的?微信|微信客服|小程序|official", re.I)
_WARNED = re.compile(r"勿|谨防|不会|不能|不要|不用|不必|别加|没有|没发|don't|do not|never|not ", re.I)
_INVITES = tuple(
    re.compile(pattern)
    for pattern in (
        rf"加(?:我|一?下我|個|个|一?下|她|他).{{0,6}}{_MESSENGER}",
        rf"加.{{0,3}}我.{{0,4}}(?:{_MESSENGER}|号|吧|您|哈|一下|$)|^加我|加我$|我加您(?:微|好友|一下"
        rf"|吧|的|$|{_MESSENGER})"
        rf"|您加(?:我|她|他|一下$)|加.{{0,2}}好友|加.{{0,8}}(?:个人|私人){_MESSENGER}|(?:我|个|进"
        rf"|拉)(?:您)?(?:们)?[^，]{{0,3}}微信群",
        rf"(?:我|我的|我个人|个人|私人)(?:的)?{_MESSENGER}",
        rf"{_MESSENGER}(?:号|是|ID|id|转给我|上说|发我)|{_MESSENGER}多少|扫我的",
        rf"(?:留|把)[^，]{{0,6}}(?:您|你)[^，]{{0,2}}{_MESSENGER}|(?:留"
        rf"|把)[^，]{{0,6}}{_MESSENGER}[^，]{{0,6}}(?:我|发)",
        r"私聊|私信?我|^私我|我私人|私下(?!收|渠道|交易)|咱们?微信上|我的?私人|私人(?:电话|号码|手机)",
        r"打我(?:的|私人)?(?:手机|电话|私人)|(?:我|用)自己(?:的)?手机|存(?:一?下)?我(?:的|个)?(?:号"
        r"|手机)|我(?:的)?手机号?[是：: 一1]",
        r"(?:转到?|转账?给)我(?!们)[^，]{0,6}(?:支付宝|账号|个人|微信)|微信转给我|转我个人"
        r"|打(?:到)?我(?:的)?卡|我的?卡号",
        # the guest's own contact, for oneself; a round of friends; what one is called elsewhere
        rf"给我(?:个|一个|下)?(?:您的?)?(?:{_MESSENGER}|联系方式|私人)|"
        rf"留(?:个|下|一?下)?(?:您的?)?{_MESSENGER}"
        rf"|加个?[Vv微薇](?![a-z\u4e00-\u9fff])|加(?:一?下|个|上)?(?:联系方式|{_MESSENGER})|交个朋友|"
        rf"{_MESSENGER}就是我"
        rf"|{_MESSENGER}[^，]{{0,4}}(?:搜|找)我|(?:搜|找)我[^，]{{0,4}}{_MESSENGER}|"
        rf"拉您?(?:们)?进[^，]{{0,4}}群|我的?小号"
        rf"|我(?:的|把)?二维码|发(?:您|你)?我?(?:的)?二维码|(?:一下|来)加我|wxid|长按识别"
        rf"|{_MESSENGER} ?I[Dd]|互留|(?:能|可以)加您|扫下?我|朋友圈"
        rf"|{_MESSENGER}号?(?:叫什么|说一下|报一下|告诉我|推|也行|我存)|钉钉(?:号|多少|加)|留个?[Vv](?![a-z])"
        r"|我(?:本人|自己|个人)?的?(?:私号|联系方式)|私号|我[VvWw][：:]? ?[a-zA-Z]|"
        r"私下(?!收|渠道|交易)|私底下|我(?:自个儿|自己)的?号|自己接单|员工价",
        # past the hotel: its platform, its till, its front desk
        rf"(?:别|不)走(?:平台|前台|酒店|公司)|(?:绕|避|跳)(?:开|过)(?:平台|酒店|前台|公司|系统)|"
        rf"平台(?:上)?(?:抽成|不方便)|换个地方聊"
        r"|线下(?:聊|谈|交易)|(?:扫|付)我(?:的|这个)?码|(?:扫我|我)这个码|"
        r"(?:直接)?(?:转|打|付|汇)(?:给|到)?我(?:个人|卡|支付宝|账户|就行)"
        rf"|{_MESSENGER}转我|先打我|(?:直接)?(?:联系|找)我(?:本人|个人|自己|订|就)|"
        rf"打我(?:自己|本人|那个)|我(?:自己|个人|本人)的?(?:号|手机|电话)"
        r"|我个人(?:给|加|打)|用我(?:的|自己)?[^，]{0,3}号(?:打|加|联系)|(?:你|您)的?私人(?:电话|号码|手机)"
        rf"|"
        rf"我(?:妹妹?|姐姐?|哥哥?|弟弟?|朋友|老公|老婆|同学|亲戚|家里|对象|姐妹|兄弟|男朋友|女朋友|熟人)[^，]{{0,8}}"
        rf"(?:代订|{_MESSENGER})|(?:她|他)的号(?:推|发|给)|(?:发|转|包)[^，]{{0,3}}我[^，]{{0,2}}红包|"
        rf"红包[^，]{{0,2}}(?:发|转)给?我"
        r"|别在(?:网上|平台|前台)[^，]{0,3}订|"
        r"(?:别|不)让(?:公司|经理|前台|酒店|老板|领导)(?:知道|看到|发现)|"
        r"(?:悄悄|偷偷)(?:地)?(?:给|帮|联系|转)"
        r"|咱俩联系|(?:别|不)经过|现金给我|给我现金|重新找我|(?:您|你)单身|下班上去|来找我玩",
        r"(?i:\b(?:add me|message me there|my (?:own |private |personal )?(?:wechat|whatsapp|mobile"
        r"|number|phone)"
        r"|my (?:own|private|personal) ))",
    )
)
_COURTING = re.compile(
    r"认识(?:一?下|认识)|交个朋友|一起(?:喝|吃|玩)[^，。]{0,2}(?:一?杯|酒|个饭|宵夜)|"
    r"我?下班(?:后|了|以后)[^。]{0,10}(?:联系|打|找|发|聊)"
    r"|(?:不能|不好|不合适)?在(?:这里?|对话里)[^，。]{0,2}(?:说|讲)(?:不合适|不方便)|"
    r"不能在这(?:里)?说|这里不方便|说话有记录|(?:单独|私底下)(?:跟|和|给)?(?:您|你)?(?:说|讲|聊)|罩着|"
    r"我个人"
)
_REACH = re.compile(rf"联系|电话|手机|号码?|短信|{_MESSENGER}")
_READ_BACK = re.compile(r"(?:您|你)(?:入住时?)?(?:留|填|登记)?的?(?:手机|电话|微信昵称)|昵称")
# A mobile number in a sentence in which one of us asks to be called on it, and nobody else is named.
_CALL_ME = re.compile(
    r"(?:联系|找|打给?|加|call|text|message) ?(?:我(?!们)|me\b)|给我(?:打电话|来电|发短信)|不用?走前台"
    r"|我的号|我的是|直接联系我|找我|电话里说|私下|单独|自个儿|记着|记一?下"
    r"|我(?:的)?(?:手机|私人)",
    re.I,
)

_HARMLESS = re.compile(
    r"隔壁|不关(?:您|你)|我们的?(?:失误|错)|我们挨|怪我(?!咯|喽|啰|吗)|我这|是我"
    r"|sorry|that was|-proof|guide|if you get lost",
    re.I,
)
_YOU = r"(?:您|你)(?!们|好)"
_INSULTS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{_YOU}(?:是不是|真|才|就是|简直)?有(?:毛)?病(?!历|人)|神经病|精神病吧|脑子(?:有|进|坏|被)"
        rf"|(?:没长?|不长|带)脑子|脑残|智障|白痴"
        r"|弱智|低能|傻[逼比叉子X缺瓜](?!式|相机)|煞笔|沙雕|二百五|蠢(?:货|蛋|猪|得)|笨蛋|废物(?!箱"
        r"|利用|处理|回收)"
        r"|(?<![A-Za-z])(?:SB|sb|nc)(?![A-Za-z])",
        r"(?:爱|愿意?)(?P<v>.)不(?P=v)(?!吃|得)|不缺(?:您|你)(?:一|这)|住不起|没钱(?:就|还|住)|出不起"
        r"|别来住|赶紧(?:走人|退房走)"
        r"|爱[^，]{0,4}(?:就.{0,3}去|去哪)|爱咋咋|随(?:便)?你(?:告|投诉|闹)|谁怕谁|有本事(?:你|您)?",
        r"^(?:(?:您|你)?(?:给我|赶紧|快)?滚(?:出去|开|蛋|远点|吧|啊)?)$|(?:给我|赶紧|快)滚|滚(?:出去"
        r"|蛋|远点)|^去死|(?:您|你)去死|死远点|一边去",
        r"闭嘴|住口$|有完没完|听不懂人话|说人话|烦不烦|懒得(?:理|跟)(?:您|你)|少(?:废话|啰嗦|来这套)"
        r"|别(?:废话|啰嗦|撒泼|装)",
        rf"{_YOU}.{{0,4}}没(?:素质|教养|礼貌)|真没(?:素质|教养)|{_YOU}这(?:种)?人|你们这种人"
        rf"|穷[鬼逼酸]|乡巴佬|土包子|土鳖|没见过世面|臭要饭|叫花子"
        r"|老不死|刁民|无赖|泼妇|流氓客|人渣|贱(?:人|货)|奇葩(?:客|的?你)|真是(?:个)?奇葩|混蛋|王八"
        r"|畜生|恶心的?(?:人|客)|小(?:气鬼|人得志)",
        rf"{_YOU}算(?:老几|什么|个)|关我(?:屁|什么|啥)|别跟我扯|^烦死了|事儿(?:真|太)?多|事儿精"
        rf"|{_YOU}怎么这么(?:矫情|烦|蠢|笨|多事|难缠|不讲理)|矫情"
        r"|撒泼|无理取闹|胡搅蛮缠|蛮不讲理|吃饱了撑|没事找事",
        rf"找茬|讹(?!误)|敲诈(?:我|酒店)|白嫖|活该|不要脸(?!红)|臭不要|{_YOU}(?:是|个|真是)?猪(?!肉|脚"
        rf"|排)|再闹试试|等着瞧|小心点你",
        r"(?:您|你|他)妈(?:的|逼|个|没)|^妈的|[操艹肏](?:您|你|蛋)|日(?:您|你)(?:妈|大爷|祖)|草泥马"
        r"|[操日去](?:您|你)大爷"
        r"|(?:您|你)眼?(?:瞎|聋)|狗(?:东西|眼|屁)",
        # wits, eyes, upbringing, purse, looks; to be sent away or threatened
        r"(?:您|你)(?:这|的|那)?智商|脑子(?:呢|是摆设|不好使)|文盲|不识字|自己笨|笨死|(?:^|真|太)蠢|"
        r"眼睛?(?:是不是)?(?:瞎|白长|长哪|出气)"
        r"|不长眼|有病(?:就|吧|得治|去)|吃错药|爸妈没教|没人教|(?:什么|没|哪来的)家教|"
        r"^(?:真|太|一点)?没素质|丢人现眼|不会说(?:人)?话"
        r"|(?:住|睡)(?:桥洞|大街|马路|天桥|网吧)|(?:乡下|农村|外地|山里)人(?!家|民|参|气)|"
        r"没出过(?:远)?门|(?:你|您|也|才)配(?:吗|住|来|得上住)"
        r"|^配吗|装(?:什么)?(?:大款|大爷|大佬|阔|逼)|大爷面前|(?:么|真|太)抠|抠门|铁公鸡|死胖|肥婆|"
        r"丑八怪|老(?:东西|家伙|太婆|不羞)"
        r"|不伺候|不奉陪|哪来的(?:滚|回)|再(?:逼逼|哔哔|啰嗦|吵一句|闹一句)|逼逼|"
        r"(?:您|你)(?:想死|找死|欠揍|找抽|欠骂)|^找死|^欠揍"
        r"|(?:什么|个什么)玩意|(?:您|你)谁啊|轮(?:得)?到(?:您|你)|教我做事|不上天|怪我咯|怪不得没人|"
        r"(?:您|你)[^，]{0,4}奇葩|讹钱"
        r"|嘴脸|(?:您|你)(?:这|那)[^，]{0,3}(?:德行|德性|素质|水平也|臭毛病|档次|臭脾气|熊样|怂样)|"
        r"对牛弹琴|跟(?:您|你)[^，]{0,4}费劲"
        r"|给脸不要|(?:没|照照|买)[^，]{0,2}镜子(?!柜)|嘴巴?[^，]{0,2}(?:放干净|真臭|欠)|"
        r"(?:您|你)(?:当|以为)[^，]{0,5}是(?:皇帝|大爷|上帝|谁|你家|什么)"
        r"|花不起|收拾(?:您|你)(?!们?的)|贱不贱|犯贱|越[^，]{0,6}越没教养|白活|是(?:不是)?聋|聋了|"
        r"(?:谁)?惯的(?:您|你)|不知好歹|不识抬举|蹬鼻子上脸"
        r"|放屁|胡说八道|(?:贪|占)(?:小)?便宜(?:没够|的人|成)|晦气|丧门|长眼(?:睛)?干|(?:您|你)烦死|"
        r"脸皮[^，]{0,2}厚|不可理喻|吵什么吵|装什么装|有意思没意思|(?:您|你)是三岁|三岁小孩吗|"
        r"就(?:您|你)事|塞驴毛|^省省|管好(?:您|你)自己|人模狗样"
        r"|(?:您|你)[^，]{0,2}恶心|^投诉去|怕(?:您|你)啊|没钱[^，]{0,2}别|叫(?:您|你)回家吃饭|"
        r"(?:不想|不愿)[^，]{0,3}就滚|是(?:您|你)家开的",
        r"(?i:\b(?:idiot|moron|dumbass|asshole|bastard|bitch|are you (?:stupid|dumb|blind|deaf|crazy)"
        r"|you(?:'re| are) (?:so )?"
        r"(?:stupid|dumb|crazy|pathetic|ridiculous)|shut up(?! by)|get lost|go to hell|f[u*]ck"
        r"|screw you|nobody cares)\b)",
    )
)


def flags(text: str, own: Collection[str] = frozenset()) -> tuple[str, ...]:
    """What a manager should see about a reply. `own`: the hotel's own numbers, digits only."""
    said = _without_own(text, own)
    insults = any(_insults(clause) for clause in _clauses(said))
    plain = {PRIVATE: _invites(said), INSULT: insults}
    return tuple(kind for kind, found in plain.items() if found or _is_like(kind, text, own))


def _is_like(kind: str, text: str, own: Collection[str]) -> bool:
    """Sentence by sentence; one that names the hotel's own number sends the guest to the hotel."""
    sentences = [sentence.strip() for sentence in _SENTENCES.split(text) if sentence.strip()]
    asked = [one for one in sentences if kind != PRIVATE or not numbers_in(one) & set(own)]
    return any(
        one in _known(kind) if len(one) < SHORTEST else _learned()(one)[kind] > LIKE[kind] for one in asked
    )


@lru_cache
def _known(kind: str) -> frozenset[str]:
    return frozenset(examples(kind))


@lru_cache(maxsize=1)
def _learned() -> Likeness:
    return likeness({kind: examples(kind) for kind in (PRIVATE, INSULT, NEITHER)})


def learn() -> None:
    """Learn the examples now, so that nobody's reply waits for it: half a second of processor."""
    _learned()


def examples(kind: str) -> list[str]:
    """Replies of a kind, one a line."""
    return (EXAMPLES / f"{kind}.txt").read_text(encoding="utf-8").splitlines()


def numbers_in(text: str) -> set[str]:
    """The numbers of a text that one could call, digits only."""
    runs = (re.sub(r"\D", "", run) for run in _DIGITS.findall(text))
    return {run for run in runs if len(run) >= LONG}


def _without_own(text: str, own: Collection[str]) -> str:
    """The text with numbers closed up, and without those that are the hotel's."""

    def closed(found: re.Match[str]) -> str:
        digits = re.sub(r"\D", "", found[0])
        return "" if digits in own else (digits if len(digits) >= LONG else found[0])

    return _DIGITS.sub(closed, text)


def _clauses(text: str) -> list[str]:
    return [clause.strip() for clause in _CLAUSES.split(text) if clause.strip()]


def _invites(text: str) -> bool:
    if _courts(text) or any(_invited(clause) for clause in _clauses(text)):
        return True
    mobile = _MOBILE.search(text) or _SPOKEN_MOBILE.search(text)
    return bool(mobile and _CALL_ME.search(text) and not _READ_BACK.search(text))


def _courts(text: str) -> bool:
    """Who wants to know a guest, or to speak where nobody listens: told over several clauses."""
    return bool(_COURTING.search(text) and _REACH.search(text) and not _WARNED.search(text))


def _invited(clause: str) -> bool:
    if _OFFICIAL.search(clause) or _WARNED.search(clause) or _READ_BACK.search(clause):
        return False
    return any(pattern.search(clause) for pattern in _INVITES)


def _insults(clause: str) -> bool:
    return not _HARMLESS.search(clause) and any(pattern.search(clause) for pattern in _INSULTS)
