"""Tokens for Chinese: one character each, but runs of Latin letters or of digits stay whole.

Entities' edges are then never cut, as they are by a word segmenter; words come in as features
(`nlu.words`). A token's text is the normalised writing, its place is that of the original.
"""

from __future__ import annotations

import re
from typing import Any

from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.nlu.tokenizers.tokenizer import Token, Tokenizer
from rasa.shared.nlu.training_data.message import Message

from nlu.normal import normalise

_TOKEN = re.compile(r"[a-z]+(?:'[a-z]+)?|\d+|\S")


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_TOKENIZER, is_trainable=False)
class CharacterTokenizer(Tokenizer):
    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {
            "intent_tokenization_flag": False,
            "intent_split_symbol": "_",
            "token_pattern": None,
            "prefix_separator_symbol": None,
        }

    def tokenize(self, message: Message, attribute: str) -> list[Token]:
        normal = normalise(message.get(attribute))
        tokens: list[Token] = []
        for match in _TOKEN.finditer(normal.text):
            start, end = normal.origin(match.start(), match.end())
            tokens.append(Token(match.group(), start, end))
        return tokens
