"""Random arguments for the fuzzer: numbers, the memory that they lie in, and wrong values."""

import numpy as np
from numpy.lib.stride_tricks import as_strided

FLOATS = (np.float16, np.float32, np.float64)
INTEGERS = (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64)
SPECIAL = (
    np.nan,
    np.inf,
    -np.inf,
    0.0,
    -0.0,
    1e300,
    -1e300,
    1e30,
    -1e30,
    6e4,
    -6e4,
    1e-310,
    1e-40,
    -1e-7,
    708.5,
    -746.0,
)


def pick(rng, options):
    """Return one of the options, as it is."""
    return options[int(rng.integers(len(options)))]


def shape(rng, least=0, most=4):
    """Return a shape of `least` to `most` dimensions, seldom empty or large."""
    n_dims = int(rng.integers(least, most + 1))
    if rng.random() < 0.02 and n_dims in (1, 2):
        return tuple(
            int(n)
            for n in rng.integers(1, pick(rng, (9000,) if n_dims == 1 else (100, 300)), n_dims)
        )
    lengths = rng.integers(1, (2, 60, 14, 6, 4)[n_dims], n_dims)
    if rng.random() < 0.06 and n_dims:
        lengths[rng.integers(n_dims)] = 0
    return tuple(int(n) for n in lengths)


def numbers(rng, shape, dtype=None, special=True):
    """Return logits: of a float dtype, or integers now and then."""
    dtype = pick(rng, FLOATS) if dtype is None else dtype
    x = rng.standard_normal(shape) * pick(rng, (1e-3, 1, 3, 30)) + (pick(rng, (0, 0, 0, 100, -1e4)))
    x = np.array(x)
    if special and x.size and rng.random() < 0.25:
        places = rng.random(shape) < pick(rng, (0.1, 0.5, 1.0))
        x[places] = (
            rng.choice(SPECIAL, size=shape)[places] if rng.random() < 0.7 else pick(rng, SPECIAL)
        )
    with np.errstate(all="ignore"):
        return x.astype(dtype)


def weights(rng, shape, extreme=False):
    """Return weights, some of them 0; far from 1 if `extreme`."""
    w = rng.uniform(0.1, 3, shape) * (rng.random(shape) < pick(rng, (1.0, 0.7)))
    if extreme:
        w = w * 10.0 ** pick(rng, (-300, -30, -5, 5, 20))
    return (
        np.array(w)
        if rng.random() < 0.7
        else np.array(w.astype(pick(rng, (np.float16, np.float32)) if not extreme else float))
    )


def dressed(rng, array, views_only=False):
    """Return the same numbers in other memory: strides, byte order, alignment, read-only, lists."""
    way = int(rng.integers(12)) if rng.random() < 0.6 else 0
    if way in (1, 2, 3, 4):
        return _strided(rng, array)
    if way == 5:
        return array.copy(order="F")
    if way == 6:
        raw = np.empty(array.nbytes + 1, np.uint8)[1:].view(array.dtype).reshape(array.shape)
        raw[...] = array
        return raw
    if way == 7 and not views_only:
        return array.astype(array.dtype.newbyteorder())
    if way == 8:
        array = array.copy()
        array.flags.writeable = False
        return array
    if way == 9 and array.size and array.dtype in (np.float64, np.int64) and not views_only:
        return array.tolist()
    if (
        way == 10
        and array.dtype == np.float64
        and not views_only
        and array.ndim
        and array.flags.c_contiguous
        and array.size
    ):
        return memoryview(array)
    if way == 11 and array.ndim > 1:
        return array.swapaxes(0, -1).copy().swapaxes(0, -1)
    return array.copy()


def _strided(rng, array):
    steps = [pick(rng, (1, -1, 2, -2, 3)) for _ in array.shape]
    base = np.zeros(
        [max(1, n * abs(step)) for n, step in zip(array.shape, steps, strict=True)], array.dtype
    )
    view = base[(*(slice(None, None, step) for step in steps), ...)][
        (*(slice(n) for n in array.shape), ...)
    ]
    view[...] = array
    return view


def broadcast(rng, array):
    """Return the array with one axis of the same numbers, of stride 0, now and then."""
    if array.ndim and array.size and rng.random() < 0.05:
        axis = int(rng.integers(array.ndim))
        return np.broadcast_to(array.take([0], axis), array.shape)
    return array


def room(rng, shape, dtype):
    """Return (out, the memory around it): filled with 7, in some layout."""
    base = dressed(rng, np.full(shape, 7, dtype), views_only=True)
    if not base.flags.writeable:
        base = base.copy()
    return base


def memory(array):
    """Return the array that owns the memory."""
    while isinstance(getattr(array, "base", None), np.ndarray):
        array = array.base
    return array


def bad_out(rng, shape, dtype, first):
    """Return an `out` that must be refused; `first` is the input that it may not overlap but be."""
    way = int(rng.integers(8))
    if way == 0:
        return np.full((*shape, 1), 7, dtype)
    if way == 1:
        return np.full(
            shape,
            7,
            pick(
                rng,
                [
                    d
                    for d in (*FLOATS, np.int64, np.complex128, np.longdouble, object)
                    if d != dtype
                ],
            ),
        )
    if way == 2:
        out = np.full(shape, 7, dtype)
        out.flags.writeable = False
        return out
    if way == 3 and np.prod(shape) > 1:
        return as_strided(np.full(1, 7, dtype), shape, (0,) * len(shape))
    if way == 4:
        return np.full(shape, 7, np.dtype(dtype).newbyteorder())
    if (
        way == 5
        and isinstance(first, np.ndarray)
        and first.size > 1
        and first.dtype == dtype
        and first.shape == shape
    ):
        mirrored = first[tuple(slice(None, None, -1) for _ in shape)]
        if mirrored.flags.writeable:
            return mirrored
    if way == 6:
        return pick(rng, ("out", 1.5, [1.0], {}, (np.zeros(1),)))
    return np.full((*shape[:-1], shape[-1] + 1) if shape else (1,), 7, dtype)


def bad_kind(rng, array):
    """Return something that is no array of real numbers."""
    array = np.asarray(array)
    ragged = [[1.0, 2.0], [3.0]]
    way = int(rng.integers(9))
    if way == 0:
        return array.astype(complex)
    if way == 1:
        return array.astype(object)
    if way == 2:
        return (
            np.array([str(x) for x in array.flat], dtype=str).reshape(array.shape)
            if array.size
            else np.empty(array.shape, str)
        )
    if way == 3:
        return np.zeros(array.shape, "M8[s]")
    if way == 4:
        return np.ma.masked_array(array)
    return pick(rng, ("text", ragged, {}, object(), [None], np.zeros(array.shape, [("a", float)])))


def bad_number(rng, low, high):
    """Return something that is no number from `low` to `high`."""
    return pick(
        rng,
        (
            low - 1e-9,
            high * (1 + 1e-9) + 1.0 if np.isfinite(high) else np.inf,
            np.nan,
            -np.inf,
            "0.5",
            1j,
            [low],
            True,
            np.array([0.5, 0.5]),
        ),
    )


def bad_weights(rng, array):
    """Return weights of the right shape that must be refused, or of another shape."""
    way = int(rng.integers(4)) if array.size else 3
    if way < 2:
        bad = np.array(array, dtype=float)
        bad[tuple(int(rng.integers(n)) for n in bad.shape)] = pick(
            rng, (-1.0, -1e-300, np.nan, np.inf, -np.inf, 1e39)
        )
        return bad
    if way == 2:
        return bad_kind(rng, array)
    return np.ones((*array.shape, 2)) if rng.random() < 0.5 else np.ones((3, *array.shape, 1))


def bad_labels(rng, labels, n_classes, ignore_index):
    """Return class indices that must be refused."""
    way = int(rng.integers(7)) if labels.size else 5
    if way < 3:
        bad = pick(
            rng,
            (n_classes, -1, -(2**63), 2**63 - 1, 2**63, 2**64 - 1, n_classes + 2**32, -n_classes),
        )
        bad = n_classes if bad == ignore_index else bad
        dtype = np.uint64 if bad >= 2**63 else np.int64
        result = np.array(labels.clip(0)).astype(dtype)
        result[tuple(int(rng.integers(n)) for n in result.shape)] = bad
        return result
    if way == 3:
        return labels.astype(bool)
    if way == 4:
        return bad_kind(rng, labels)
    return (
        np.zeros((*labels.shape, 2), int) if rng.random() < 0.5 else np.zeros((*labels.shape, 1, 1))
    )
