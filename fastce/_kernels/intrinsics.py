"""Exponentials and logarithms of whole rows: the C functions of ``rowwise.pyx`` for Numba.

They are vector code for the processor's instruction set, compiled when the package is built. So
Numba compiles only the arithmetic of a kernel's own loss. Every exponential and logarithm of the
library stands in ``_native/simd/elementary.h``.

Numba finds the functions by name, so that compiled kernels can be kept on disk. Each takes the
address of its first array, the two lengths of that array (the second is 1 for a flat one), and the
addresses of the other arrays. All arrays are contiguous and of one dtype. The functions at the
end, whole losses, tell their arguments themselves.
"""

from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .._native import rowwise, tiles

BLOCK_ROWS, SHORT_ROW = rowwise.BLOCK_ROWS, rowwise.SHORT_ROW
MAX_SOFT_CLASSES = rowwise.MAX_SOFT_CLASSES

# Numbers behind the rows of a tile that `load_rows` may write and `store_rows` may read.
TILE_PADDING = tiles.PADDING

for _name, _address in (rowwise.addresses() | tiles.addresses()).items():
    binding.add_symbol(_name, _address)


def _leaf(name, *arrays):
    def generate(context, builder, signature, values):
        word = context.get_value_type(types.intp)
        parts = [
            context.make_array(kind)(context, builder, value=value)
            for kind, value in zip(signature.args, values, strict=True)
        ]
        shape = cgutils.unpack_tuple(builder, parts[0].shape)
        lengths = shape if len(shape) == 2 else [*shape, word(1)]
        arguments = [parts[0].data, *lengths, *(part.data for part in parts[1:])]
        symbol = f"fastce_{name}_f{signature.args[0].dtype.bitwidth}"
        kind = ir.FunctionType(ir.VoidType(), [argument.type for argument in arguments])
        builder.call(cgutils.get_or_insert_function(builder.module, kind, symbol), arguments)
        return context.get_dummy_value()

    return types.void(*arrays), generate


@intrinsic
def softmax_statistics(typing_context, x, row_max, rest, logs):
    """Write row_max, rest and logs (n,) of the rows x (n, K), n <= BLOCK_ROWS.

    `sums` says what they are.
    """
    return _leaf("softmax_statistics", x, row_max, rest, logs)


@intrinsic
def weighted_softmax(typing_context, x, weight, out, row_max, rest, logs):
    """Write weight_i softmax(x_i) to out (n, K), which may be x; the others as softmax_statistics.

    A row whose weight (n,) is 0 is not read, and becomes 0.
    """
    return _leaf("weighted_softmax", x, weight, out, row_max, rest, logs)


@intrinsic
def softmax_terms(typing_context, x, weight, out, transposed, row_max, rest, logs):
    """Do the first half of weighted_softmax.

    transposed is scratch memory of at least K BLOCK_ROWS numbers if K <= SHORT_ROW.
    """
    return _leaf("softmax_terms", x, weight, out, transposed, row_max, rest, logs)


@intrinsic
def normalise_terms(typing_context, out, weight, rest, transposed):
    """Do the second half: other weights may be given, but none in place of 0."""
    return _leaf("normalise_terms", out, weight, rest, transposed)


@intrinsic
def logistic(typing_context, x, small, large, tail):
    """Write ``sigmoid(-|x|)``, ``sigmoid(|x|)`` and ``log1p(exp(-|x|))``, each (n,)."""
    return _leaf("logistic", x, small, large, tail)


@intrinsic
def exp_nonpositive(typing_context, x, out):
    """Write exp(x) of x <= 0 to out (n,), which may be x."""
    return _leaf("exp_nonpositive_flat", x, out)


@intrinsic
def log_nonnegative(typing_context, x, out):
    """Write log(x) of 0 <= x < 2^100 to out (n,), which may be x."""
    return _leaf("log_nonnegative_flat", x, out)


def _tile_leaf(name, memory, tile):
    def generate(context, builder, signature, values):
        pieces = context.make_array(signature.args[0])(context, builder, value=values[0])
        rows = context.make_array(signature.args[3])(context, builder, value=values[3])
        arguments = [pieces.data, values[1], values[2], rows.data]
        symbol = f"fastce_{name}_f{signature.args[3].dtype.bitwidth}"
        kind = ir.FunctionType(ir.VoidType(), [argument.type for argument in arguments])
        builder.call(cgutils.get_or_insert_function(builder.module, kind, symbol), arguments)
        return context.get_dummy_value()

    return types.void(memory, types.intp, types.intp, tile), generate


@intrinsic
def load_rows(typing_context, memory, first, n, tile):
    """Write n rows from number `first` to tile, which has TILE_PADDING numbers more.

    memory (words,) int64 says where they lie (see `fastce._native.tiles`).
    """
    return _tile_leaf("load_rows", memory, tile)


@intrinsic
def store_rows(typing_context, memory, first, n, tile):
    """Write n rows of tile, which has TILE_PADDING numbers more, to number `first` and on."""
    return _tile_leaf("store_rows", memory, tile)


def _array(context, builder, kind, value):
    assert kind.layout == "C", kind
    return context.make_array(kind)(context, builder, value=value)


def _address_or_null(context, builder, kind, value):
    # of an array; null of None and of an array without entries
    if isinstance(kind, types.NoneType):
        return ir.IntType(8).as_pointer()(None)
    array = _array(context, builder, kind, value)
    empty = builder.icmp_signed("==", array.nitems, array.nitems.type(0))
    return builder.select(empty, array.data.type(None), array.data)


def _call(builder, result, symbol, dtype, arguments):
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    name = f"{symbol}_f{dtype.bitwidth}"
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)


@intrinsic
def cross_entropy_rows(typing_context, x, labels, target_weight, factor, values, grad, hess):
    """Return the sum of the values of cross-entropy of the rows x (n, K), and write derivatives.

    labels (n,) int64 are in range where the weight is not 0; target_weight (n,) or (1,), float64,
    is multiplied with factor. values (n,) float64, grad and hess (n, K) have no entries where they
    are not wanted; grad may be x, and is wanted where hess is.
    """

    def generate(context, builder, signature, given):
        kinds = signature.args
        rows = _array(context, builder, kinds[0], given[0])
        weight = _array(context, builder, kinds[2], given[2])
        arguments = [
            rows.data,
            *cgutils.unpack_tuple(builder, rows.shape),
            _array(context, builder, kinds[1], given[1]).data,
            weight.data,
            weight.nitems,
            given[3],
            *(_address_or_null(context, builder, kinds[i], given[i]) for i in (4, 5, 6)),
        ]
        symbol = "fastce_cross_entropy_rows"
        return _call(builder, ir.DoubleType(), symbol, kinds[0].dtype, arguments)

    arrays = x, labels, target_weight, types.float64, values, grad, hess
    return types.float64(*arrays), generate


@intrinsic
def probability_rows(
    typing_context, x, target, weight, factor, class_weight, smoothing, values, grad
):
    """Return the sum of the values of the rows x (n, K) of probabilities, and write what is wanted.

    K is at most MAX_SOFT_CLASSES; target is like x; weight (n,) or (1,), float64, is multiplied
    with factor. class_weight and smoothing (K,) float64, values (n,) float64 and grad (n, K) have
    no entries where there are none or they are not wanted; grad may be x.
    """

    def generate(context, builder, signature, given):
        kinds = signature.args
        rows = _array(context, builder, kinds[0], given[0])
        weights = _array(context, builder, kinds[2], given[2])
        arguments = [
            rows.data,
            *cgutils.unpack_tuple(builder, rows.shape),
            _array(context, builder, kinds[1], given[1]).data,
            weights.data,
            weights.nitems,
            given[3],
            *(_address_or_null(context, builder, kinds[i], given[i]) for i in (4, 5, 6, 7)),
        ]
        symbol = "fastce_probability_rows"
        return _call(builder, ir.DoubleType(), symbol, kinds[0].dtype, arguments)

    arrays = x, target, weight, types.float64, class_weight, smoothing, values, grad
    return types.float64(*arrays), generate


@intrinsic
def cross_entropy_general_rows(
    typing_context,
    x,
    target,
    target_weight,
    sample_weight,
    factor,
    class_weight,
    smoothing,
    values,
    grad,
):
    """Return the sum of the values of the rows x (n, K), and write what is wanted.

    target (n,) int64 are class indices, with smoothing; or (n, K) probabilities, whose weights are
    the same. Those, (n,) or (1,) float64, are multiplied with factor. class_weight and smoothing
    (K,) float64, values (n,) float64 and grad (n, K) have no entries where there are none or they
    are not wanted; grad may be x.
    """

    def generate(context, builder, signature, given):
        kinds = signature.args
        rows = _array(context, builder, kinds[0], given[0])
        targets = _array(context, builder, kinds[1], given[1]).data
        labels = ir.IntType(64).as_pointer()(None)
        weights = [_array(context, builder, kinds[i], given[i]) for i in (2, 3)]
        arguments = [
            rows.data,
            *cgutils.unpack_tuple(builder, rows.shape),
            *((targets, rows.data.type(None)) if kinds[1].ndim == 1 else (labels, targets)),
            *(part for w in weights for part in (w.data, w.nitems)),
            given[4],
            *(_address_or_null(context, builder, kinds[i], given[i]) for i in (5, 6, 7, 8)),
        ]
        symbol = "fastce_cross_entropy_general_rows"
        return _call(builder, ir.DoubleType(), symbol, kinds[0].dtype, arguments)

    weights = target_weight, sample_weight, types.float64, class_weight, smoothing
    return types.float64(x, target, *weights, values, grad), generate


@intrinsic
def binary_cross_entropy_flat(
    typing_context, x, target, positive_weight, negative_weight, factor, ignore, values, grad, hess
):
    """Return the sum of the values of x (n,), before the factor, and write what is wanted.

    All arrays are (n,) and of one dtype, factor and ignore numbers of it. The weights are None
    where all are 1; ignore is None where none is ignored, and counts only beside weights. values,
    grad and hess, multiplied with factor, have no entries where they are not wanted; grad may be x.
    """
    number = x.dtype

    def generate(context, builder, signature, given):
        kinds = signature.args
        elements = _array(context, builder, kinds[0], given[0])
        real = context.get_value_type(number)
        none = isinstance(kinds[5], types.NoneType)
        addresses = [
            _address_or_null(context, builder, kinds[i], given[i]) for i in (2, 3, 6, 7, 8)
        ]
        arguments = [
            elements.data,
            elements.nitems,
            _array(context, builder, kinds[1], given[1]).data,
            *(builder.bitcast(address, elements.data.type) for address in addresses[:2]),
            given[4],
            real(float("nan")) if none else given[5],
            *addresses[2:],
        ]
        symbol = "fastce_binary_cross_entropy_flat"
        return _call(builder, ir.DoubleType(), symbol, number, arguments)

    numbers = number, (ignore if isinstance(ignore, types.NoneType) else number)
    arrays = x, target, positive_weight, negative_weight, *numbers, values, grad, hess
    return types.float64(*arrays), generate
