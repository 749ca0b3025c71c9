"""ONNX: fitted models in a file that other programs and languages run, by way of skl2onnx."""

from ._register import register

__all__ = ["register"]
