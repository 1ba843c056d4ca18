"""Which language a message is written in, told by its script and, in Latin script, by its commonest words.

For choosing the line a foreign guest gets; not for understanding. Pure.
"""

from __future__ import annotations

import re

_SCRIPTS = (
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("ko", re.compile(r"[\uac00-\ud7af\u1100-\u11ff\u3130-\u318f]")),
    ("ru", re.compile(r"[\u0400-\u04ff]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("th", re.compile(r"[\u0e00-\u0e7f]")),
)
_CHINESE = re.compile(r"[\u3400-\u9fff]")
_LATIN = (
    ("fr", re.compile(r"[œçèêà]|\b(?:bonjour|merci|où|est-ce|vous|je|une|les|quel(?:le)?|comment)\b")),
    ("es", re.compile(r"[¿¡ñ]|\b(?:hola|gracias|dónde|qué|por favor|una|los|cuánto|quiero|cómo)\b")),
    ("de", re.compile(r"[äöüß]|\b(?:guten|bitte|ich|wann|wo|und|der|das|ein(?:e)?|danke|wie)\b")),
)
_WORD = re.compile(r"[^\W\d_]{2,}|\b[ia]\b")
_FEWEST_WORDS = 3  # fewer are names, brands and greetings that the Chinese use too


def foreign(text: str) -> str | None:
    """The code of the language, or None for Chinese, and for what might be."""
    lower = text.lower()
    for code, script in _SCRIPTS:
        if len(script.findall(lower)) >= 2:
            return code
    words = _WORD.findall(lower)
    if _CHINESE.search(lower) or len(words) < _FEWEST_WORDS:
        return None
    return next((code for code, telling in _LATIN if telling.search(lower)), "en")
