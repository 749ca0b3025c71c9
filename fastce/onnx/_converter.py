"""A logistic regression as a graph of ONNX operators, for skl2onnx.

skl2onnx has a converter for scikit-learn's class, whose operator LinearClassifier has float32 only
and takes its activation from attributes that ours has not.
"""

from typing import Any

import numpy as np

from ..linear_model import _predict

# skl2onnx looks at them by these names: other converters ask for raw scores of what they calibrate.
OPTIONS = {
    "zipmap": [True, False, "columns"],
    "nocl": [True, False],
    "output_class_labels": [False, True],
    "raw_scores": [True, False],
}


def set_types(operator: Any) -> None:
    """Set types and shapes of the outputs, labels and scores, of an operator of skl2onnx.

    Raises
    ------
    TypeError
        If an input is text.
    ValueError
        If the inputs have another number of columns than the model, or its classes cannot be ONNX.
    """
    from skl2onnx.common import data_types

    model = operator.raw_operator
    for variable in operator.inputs:
        if isinstance(variable.type, data_types.StringTensorType):
            raise TypeError(
                f"inputs of a LogisticRegression must be numbers; got text in {variable.raw_name!r}"
            )
    widths = [variable.get_second_dimension() for variable in operator.inputs]
    n_features = _predict.n_features(model)
    if None not in widths and sum(widths) != n_features:
        raise ValueError(
            f"inputs must have the {n_features} columns that LogisticRegression was "
            f"fitted to; got {sum(widths)}"
        )
    labels = _labels(operator.scope_inst, model)
    n_rows = operator.inputs[0].get_first_dimension()
    is_text = labels.dtype.kind == "U"
    label_type = data_types.StringTensorType if is_text else data_types.Int64TensorType
    operator.outputs[0].set_type(label_type([n_rows]))
    scores, shape = operator.outputs[1], [n_rows, len(labels)]
    if any(user.type == "SklearnZipMap" for user in scores.operators_inputs_):
        scores.set_type(data_types.FloatTensorType(shape))  # ZipMap has float32 only
    else:
        scores.type.shape = shape


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Add the nodes of an operator of skl2onnx to its container."""
    from onnx import TensorProto
    from skl2onnx.algebra import onnx_ops
    from skl2onnx.common.data_types import DoubleTensorType

    model = operator.raw_operator
    version = {"op_version": container.target_opset}
    coef, intercept = _predict.coefficients(model, _predict.n_features(model))

    # One input, or as many as a frame has columns.
    columns = [
        onnx_ops.OnnxCast(variable, to=TensorProto.DOUBLE, **version)
        for variable in operator.inputs
    ]
    X = columns[0] if len(columns) == 1 else onnx_ops.OnnxConcat(*columns, axis=1, **version)
    products = onnx_ops.OnnxMatMul(X, np.ascontiguousarray(coef.T), **version)
    logits = onnx_ops.OnnxAdd(products, np.array(intercept), **version)
    is_binary = len(coef) == 1
    if is_binary:
        logits = onnx_ops.OnnxConcat(onnx_ops.OnnxNeg(logits, **version), logits, axis=1, **version)
    if container.get_options(model, {"raw_scores": False})["raw_scores"]:
        scores = logits
    else:
        # The softmax of -z/2 and z/2 is the sigmoid of -z and z; onnxruntime's own loses the digits
        # of small probabilities.
        scaled = onnx_ops.OnnxMul(logits, np.array([0.5]), **version) if is_binary else logits
        scores = onnx_ops.OnnxSoftmax(scaled, axis=1, **version)

    is_double = isinstance(operator.outputs[1].type, DoubleTensorType)
    scores = onnx_ops.OnnxCast(
        scores,
        to=TensorProto.DOUBLE if is_double else TensorProto.FLOAT,
        output_names=[operator.outputs[1].full_name],
        **version,
    )
    labels = onnx_ops.OnnxGather(
        _labels(scope, model),
        onnx_ops.OnnxArgMax(logits, axis=1, keepdims=0, **version),
        axis=0,
        output_names=[operator.outputs[0].full_name],
        **version,
    )
    scores.add_to(scope, container)
    labels.add_to(scope, container)


def _labels(scope: Any, model: Any) -> np.ndarray:
    """Return the labels that a graph gives: text, or integers."""
    from skl2onnx.common.utils_classifier import get_label_classes

    classes = np.asarray(get_label_classes(scope, model))  # 0 to K - 1 with the option nocl
    if all(isinstance(label, str) for label in classes.tolist()):
        return classes.astype(np.str_)
    try:
        labels = classes.astype(np.int64)
    except (TypeError, ValueError):
        labels = np.zeros(0, dtype=np.int64)
    if not np.array_equal(labels, classes):
        raise ValueError(
            f"classes_ must be text or integers of 64 bits to become ONNX; got {classes.tolist()}"
        )
    return labels
