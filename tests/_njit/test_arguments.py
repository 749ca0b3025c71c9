"""What all overloads refuse, and the layouts of arrays that they take."""

import numpy as np
import pytest
from inside import check_same, compiled
from numba.core.errors import TypingError
from numpy.testing import assert_array_equal

import fastce


@compiled
def softmax(x):
    return fastce.softmax(x)


def layouts(x):
    """Return arrays of the same numbers, in other places of memory."""
    wide, packed = np.zeros((x.shape[0], 2 * x.shape[1])), np.zeros(x.nbytes + 1, np.uint8)
    wide[:, ::2] = x
    unaligned = packed[1:].view(x.dtype).reshape(x.shape)
    unaligned[...] = x
    locked = x.copy()
    locked.flags.writeable = False
    return {
        "fortran": np.asfortranarray(x),
        "strided": wide[:, ::2],
        "unaligned": unaligned,
        "read-only": locked,
        "strided row": wide[1, ::2],
        "read-only row": locked[1],
    }


@pytest.mark.parametrize("layout", layouts(np.zeros((2, 2))))
def test_arrays_of_any_layout(layout, rng):
    x = layouts(rng.standard_normal((5, 3)))[layout]
    before = x.copy()
    check_same(softmax, x)
    assert_array_equal(x, before)


REFUSED = {
    "x must be a 1-D or 2-D array of float32 or float64": [
        lambda x: fastce.softmax(x.astype(np.int64)),
        lambda x: fastce.sigmoid(x.reshape((2, 2, 1))),
        lambda x: fastce.logsumexp((1.0, 2.0)),
    ],
    "axis must be the last one, written as -1 or 1": [
        lambda x: fastce.softmax(x, axis=0),
        lambda x: fastce.logsumexp(x, axis=None),
        lambda x: fastce.log_softmax(x, axis=x.ndim - 1),
    ],
    "out must be None or a writeable, C-contiguous 2-D array of float64": [
        lambda x: fastce.softmax(x, out=x.T),
        lambda x: fastce.softmax(x, out=x[0]),
        lambda x: fastce.sigmoid(x, out=x.astype(np.float32)),
    ],
    "reduction must be written as 'mean', 'sum' or 'none' in the call": [
        lambda x: fastce.cross_entropy(x, x, reduction="avg"),
        lambda x: fastce.binary_cross_entropy_with_logits(x, x, reduction=str(3)),
    ],
}


@pytest.mark.parametrize(
    ("message", "call"), [(text, call) for text, calls in REFUSED.items() for call in calls]
)
def test_what_compiled_code_does_not_support_is_refused(message, call):
    with pytest.raises(TypingError, match=message):
        compiled(call)(np.zeros((2, 2)))
