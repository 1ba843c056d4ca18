"""Names and forms of address in a guest's sentence. Pure; works on normalised text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nlu.found import Found, free

_SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任"
    "姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文樊兰殷施陶洪翟安颜倪严牛温芦季俞章鲁葛伍"
    "韦申尤毕聂焦向柳邢岳齐梅莫庄辛管祝左涂谷祁耿牟卜路詹关苗凌费纪靳盛童欧甄项曲成游阳裴席卫查屈鲍覃霍翁隋甘景薄单包司柏宁柯"
    "阮桂闵解强柴华车冉房边"
)
_SURNAME = rf"(?:欧阳|司马|上官|诸葛|司徒|东方|皇甫|尉迟|公孙|慕容|[{_SURNAMES}])"
_TITLE = (
    r"(?:先生|女士|小姐|太太|夫人|总(?!共|台|机|算|是|价|统|额|的|之|裁)|董事长|董(?!事)|经理|主任|主管|老师|师傅|阿姨|叔叔|大姐|大哥|"
    r"大爷|奶奶|教授|医生|工(?!作|程|人|厂)|局长|处长|科长|院长|老板|同学)"
)
_TITLED = re.compile(rf"(?<![\u4e00-\u9fff])?(?P<name>{_SURNAME}[\u4e00-\u9fff]?[\u4e00-\u9fff]?{_TITLE})")
_NICK = re.compile(
    rf"(?P<name>(?:小|老|阿)[{_SURNAMES}](?=帮|的|服务|态度|人|是|在|给|你|$|[,。!]))|(?P<kin>[{_SURNAMES}](?:姐|哥)(?=[^\u4e00-\u9fff]|太|特|帮|的|服务|人|真|$))"
)
_GIVEN = r"[\u4e00-\u9fff]{1,2}"
_ENDS = (
    r"(?=$|[\s,。!?;:、\d]|的|不是|改|订|预|住|先生|女士|小姐|帮|查|手机|电话|身份|几|入|到|来|"
    r"吗|呢|吧|和|有|办)"
)
_TOLD = re.compile(
    r"(?:我叫|[他她]叫|名字(?:是|叫|改成|为)?|姓名(?:是)?|叫做|(?:入住|预[订定]|联系|登记|订房|收件)人(?:姓名)?(?:是|叫|为|改成|写)?|住客|个叫|,叫|错了,?应该是|错一个字,是|"
    rf"(?:先生|太太|老公|老婆|爱人|朋友|儿子|女儿|我爸|我妈|领导|老板)叫(?=[{_SURNAMES}]{_GIVEN}{_ENDS})|"
    rf"客人(?:叫|是)|改成|换成|同事|我爸|我妈|我老公|我老婆|接机牌写|前台|本人)\s*[:]?\s*(?P<name>{_SURNAME}{_GIVEN}?){_ENDS}"
)
_I_AM = re.compile(rf"(?:我是|这里是|这边是)(?P<name>{_SURNAME}[\u4e00-\u9fff]{{1,2}})(?=$|[\s,。!])")
_SURNAMED = re.compile(
    rf"(?:免贵|我|人|叫)?姓(?P<name>{_SURNAME})(?![\u4e00-\u9fff]?[\u4e00-\u9fff](?:先生|女士))"
)
_NO_NAME = re.compile(
    r"[房间床单卡钱路店员票水电网号]|会员|客人|时间|日期|天[早晚]|安静|高[层楼]|明天|今天|后天|周[一二三四五六日末]|谢谢|施工|程师|小熊|左[撇边手]|方[式便法]"
)


def find(text: str, taken: list[Found] | None = None) -> list[Found]:
    claimed = list(taken or [])
    found = []
    for name, start in _names(text):
        end = start + len(name)
        if free(start, end, claimed) and not _NO_NAME.search(name):
            one = Found("person", name, name, start, end)
            claimed.append(one)
            found.append(one)
    return sorted(found, key=lambda one: one.start)


def _names(text: str) -> Iterator[tuple[str, int]]:
    for pattern in (_TOLD, _I_AM, _TITLED, _NICK, _SURNAMED):
        for match in pattern.finditer(text):
            group = "name" if match["name"] else "kin"
            yield match[group], match.start(group)
