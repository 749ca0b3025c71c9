"""What makes skl2onnx know our classifier."""

from ..linear_model import LogisticRegression


def register() -> None:
    """Make skl2onnx convert `fastce.linear_model.LogisticRegression`, wherever it stands.

    Call it once in a process, before ``skl2onnx.to_onnx`` or ``skl2onnx.convert_sklearn``; a second
    call changes nothing. Models are then converted by themselves and inside of pipelines, grid
    searches, `sklearn.calibration.CalibratedClassifierCV` and other estimators that skl2onnx knows,
    with its options ``zipmap``, ``raw_scores``, ``nocl`` and ``output_class_labels``.

    Logits and probabilities are computed in float64 inside the graph, as ``predict_proba`` does,
    whatever the type of the input is, and are returned as float64 for inputs of float64 and as
    float32 for all others.

    Raises
    ------
    ImportError
        If skl2onnx is not installed.

    Examples
    --------
    >>> import fastce.onnx
    >>> from sklearn.datasets import load_iris
    >>> from fastce.linear_model import LogisticRegression
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LogisticRegression().fit(X, y)
    >>> fastce.onnx.register()  # doctest: +SKIP
    >>> import skl2onnx  # doctest: +SKIP
    >>> converted = skl2onnx.to_onnx(model, X[:1])  # doctest: +SKIP
    """
    try:
        from skl2onnx import update_registered_converter
    except ModuleNotFoundError as error:
        raise ImportError(
            "register needs skl2onnx: python -m pip install 'fastce[onnx]' (or just skl2onnx)"
        ) from error
    from . import _converter

    update_registered_converter(
        LogisticRegression,
        "FastceLogisticRegression",
        _converter.set_types,
        _converter.convert,
        options=_converter.OPTIONS,
    )
