"""Random calls of the losses of the table and of special functions, and what must come of them."""

import inspect

import losses as battery
import numpy as np

import fastce
from fastce._losses import table

from . import references
from .arguments import (
    FLOATS,
    INTEGERS,
    bad_kind,
    bad_labels,
    bad_number,
    bad_out,
    bad_weights,
    broadcast,
    dressed,
    numbers,
    pick,
    room,
    shape,
    weights,
)
from .call import REDUCTIONS, Call, chosen, finish


def _computed(dtype):
    return np.dtype(np.float32 if dtype == np.float16 else dtype if dtype in FLOATS else np.float64)


def _kind_of(rng, x):
    # mostly as it is, sometimes integers or booleans
    if rng.random() < 0.06:
        x = np.clip(np.nan_to_num(x.astype(float)), -100, 100).astype(
            pick(rng, (*INTEGERS[::2], bool))
        )
    return x


def _add_out(rng, call, form, x, given, breaks):
    """Add `out` to the call of a form, right or wrong."""
    dtype = x.dtype if x.dtype in FLOATS else np.dtype(np.float64)
    n_outs = {"": 0, "_value_and_grad": 1, "_grad_and_hess": 2}[form]
    if n_outs == 0:
        return
    if not breaks and rng.random() < 0.6:
        call.outs = [None] * n_outs
        return
    outs = [room(rng, x.shape, dtype) for _ in range(n_outs)]
    own = isinstance(given, np.ndarray) and given.dtype == dtype and given.flags.writeable
    if own and rng.random() < 0.4:
        outs[0] = given
    if breaks:
        call.broken.add("out")
        place = int(rng.integers(n_outs))
        outs[place] = bad_out(rng, x.shape, dtype, given)
        pair = (
            outs
            if n_outs == 1 or rng.random() < 0.8
            else pick(rng, (outs[:1], [*outs, outs[0]], outs[0], "ab"))
        )
    else:
        pair, call.outs = outs, outs
    call.kwargs["out"] = (
        pair
        if n_outs == 2 and pair is not outs
        else outs[0]
        if n_outs == 1
        else pick(rng, (tuple, list))(outs)
    )


def _loss(call, form, family, expect, x, reduction, value_shape, arrange):
    dtype = x.dtype if x.dtype in FLOATS else np.dtype(np.float64)

    def expected():
        value, grad, hess = expect().reduced(reduction)
        if np.ndim(value[0]) == 0 and reduction == "none":  # the mean of nothing is not asked for
            value = tuple(np.broadcast_to(v, value_shape) for v in value)
        value = (
            (*(v.reshape(value_shape) for v in value), dtype)
            if reduction == "none"
            else (*value, float)
        )
        arrays = [
            (*(arrange(a) for a in pair), dtype)
            for pair in (grad, hess)
            if pair is not None and pair[0] is not None
        ]
        return {"": [value], "_value_and_grad": [value, arrays[0]], "_grad_and_hess": arrays}[form]

    call.expected = expected
    call.names = {
        "": ("value",),
        "_value_and_grad": ("value", "grad"),
        "_grad_and_hess": ("grad", "hess"),
    }[form]
    call.out_names = {"": (), "_value_and_grad": ("grad",), "_grad_and_hess": ("grad", "hess")}[
        form
    ]
    call.computed = _computed(x.dtype)


def _labels(rng, shape, n_classes, ignore_index, ignores):
    labels = np.array(rng.integers(0, n_classes, shape))
    if ignores and labels.size and rng.random() < 0.5:
        labels[rng.random(shape) < pick(rng, (0.2, 1.0))] = ignore_index
    low, high = (int(labels.min()), int(labels.max())) if labels.size else (0, 0)
    return labels, pick(
        rng,
        [d for d in INTEGERS if np.iinfo(d).min <= low and high <= np.iinfo(d).max]
        + [d for d in FLOATS if max(-low, high) <= 2 ** np.finfo(d).nmant],
    )


# Values of options that are numbers: those of a call are the ones that its limits allow.
NUMBERS = (0.0, 1e-4, 0.1, 0.5, 0.7, 1, 1.0, np.float32(1.5), 2.0, 3.0, 5.5, 30, -0.5, -1.0)
ROW_LOSSES = [loss for loss in table.LOSSES if loss.kind == table.ROWS]
ELEMENT_LOSSES = [loss for loss in table.LOSSES if loss.kind == table.ELEMENTS]


# Options that some losses have and others have not.
NAMES = {name for loss in table.LOSSES for name in loss.names}


def _numbers_of(rng, loss):
    """Return right values of the options that are numbers."""
    parameters = inspect.signature(getattr(fastce, loss.name)).parameters
    makers = {}
    for number in loss.numbers:
        values = [value for value in NUMBERS if number.least <= value <= number.most]
        if "None" in parameters[number.name].annotation:
            values.append(None)
        makers[number.name] = lambda values=values: pick(rng, values)
    return chosen(rng, **makers)


def _bad_numbers_of(rng, loss):
    """Return makers of wrong values of the options that are numbers."""
    return {
        number.name: lambda number=number: bad_number(rng, number.least, number.most)
        for number in loss.numbers
    }


def _dressed_call(rng, name, arguments, options):
    call = Call(getattr(fastce, name))
    call.arg_names = list(arguments)
    x, target = arguments.values()
    call.args = [dressed(rng, x) if x.flags.writeable else x, dressed(rng, target)]
    call.kwargs = {
        key: dressed(rng, value) if isinstance(value, np.ndarray) else value
        for key, value in options.items()
    }
    return call


def row_loss(rng, losses=ROW_LOSSES):
    """A loss of rows of the table."""
    loss = pick(rng, losses)
    name, form, first = loss.name, pick(rng, loss.forms), loss.first
    sizes = list(shape(rng, least=1))
    axis = int(rng.integers(-len(sizes), len(sizes)))
    sizes[axis] = max(1, sizes[axis])
    lead = tuple(np.delete(sizes, axis).tolist())
    n_classes, extreme = sizes[axis], rng.random() < 0.08
    x = _kind_of(rng, broadcast(rng, numbers(rng, sizes, special=not extreme)))
    rows = np.moveaxis(x, axis, -1).reshape(-1, n_classes)
    options = chosen(
        rng,
        weight=lambda: weights(rng, n_classes, extreme),
        sample_weight=lambda: weights(rng, lead, extreme and rng.random() < 0.5),
        reduction=lambda: pick(rng, REDUCTIONS),
    )
    if extreme and {"weight", "sample_weight"} <= set(options):
        del options["weight"]
    options = {key: value for key, value in options.items() if key in (*loss.names, "reduction")}
    probabilities = loss.targets == (table.PROBABILITIES,) or (
        table.PROBABILITIES in loss.targets and rng.random() < 0.3
    )
    options |= _numbers_of(rng, loss)
    ignore_index = -100
    if probabilities:
        t = rng.uniform(0, 2, sizes) * (rng.random(sizes) < pick(rng, (1.0, 0.5)))
        # Where a target may also hold class indices, floats of every precision are probabilities.
        wide = (np.longdouble,) if table.INDICES in loss.targets else ()
        target = t.astype(pick(rng, (*FLOATS, *wide)))
        t = np.moveaxis(target.astype(_computed(x.dtype)), axis, -1).reshape(-1, n_classes)
    else:
        if "ignore_index" in loss.options and rng.random() < 0.4:
            ignore_index = options["ignore_index"] = pick(
                rng, (0, n_classes - 1, -1, -100, 255, 2**63 - 1, -(2**63), np.int8(-3))
            )
        labels, dtype = _labels(
            rng, lead, n_classes, int(ignore_index), "ignore_index" in loss.options
        )
        target, t = labels.astype(dtype), labels.reshape(-1)
    call = _dressed_call(rng, name + form, {first: x, "target": target}, options)
    if axis != -1 or rng.random() < 0.2:
        call.kwargs["axis"] = axis
    keys = {key: options[key] for key in options if key in loss.names and key != "ignore_index"}

    def expect():
        if name not in references.ROWS:
            if "ignore_index" in loss.options:
                keys["ignore_index"] = int(ignore_index)
            return references.of_battery(battery, name, rows, t, keys)
        return references.ROWS[name](rows, t, **keys, ignore_index=int(ignore_index))

    def arrange(a):
        return np.moveaxis(np.reshape(a, (*lead, n_classes)), -1, axis)

    _loss(call, form, name, expect, x, options.get("reduction", "mean"), lead, arrange)
    spoil = {
        first: lambda: (
            pick(rng, (bad_kind(rng, x), np.zeros((*lead, 0)), 1.0))
            if axis in (-1, len(sizes) - 1)
            else bad_kind(rng, x)
        ),
        "target": lambda: bad_labels(
            rng,
            np.array(target, int) if not probabilities else np.zeros(lead, int),
            n_classes,
            int(ignore_index),
        ),
        "weight": lambda: bad_weights(rng, np.ones(n_classes)),
        "sample_weight": lambda: bad_weights(rng, np.ones(lead)),
        "reduction": lambda: pick(rng, ("Mean", None, 1, b"sum", ["mean"])),
        "axis": lambda: pick(rng, (len(sizes), -len(sizes) - 1, 0.0, None, "0", (0,), 2**70)),
        "ignore_index": lambda: pick(rng, (1.0, None, "1", True, [1], 2**63, -(2**63) - 1, np.nan)),
    }
    if probabilities and target.size:
        spoil["target"] = lambda: _replaced(
            rng, target, pick(rng, (np.nan, -1e-3, np.inf, -np.inf))
        )
    spoil = {key: bad for key, bad in spoil.items() if key not in NAMES or key in loss.names}
    return _complete(rng, call, form, x, spoil | _bad_numbers_of(rng, loss))


def _complete(rng, call, form, x, spoil):
    breaks_out = form != "" and rng.random() < 0.08
    _add_out(rng, call, form, x, call.args[0], breaks_out)
    if not breaks_out:
        before = call.args[0]
        finish(rng, call, spoil)
        if call.args[0] is not before:
            call.memory.append(before)
    return call


def _replaced(rng, array, value):
    bad = array.copy()
    bad[tuple(int(rng.integers(n)) for n in bad.shape)] = value
    return bad


def _broadcastable(rng, sizes):
    kept = [n if rng.random() < 0.7 else 1 for n in sizes]
    return tuple(kept[int(rng.integers(len(kept) + 1)) if rng.random() < 0.3 else 0 :])


def element_loss(rng, losses=ELEMENT_LOSSES):
    """A loss of elements of the table."""
    loss = pick(rng, losses)
    name, form, first = loss.name, pick(rng, loss.forms), loss.first
    on_probabilities = first == "probs"
    sizes, extreme = shape(rng), rng.random() < 0.08
    if on_probabilities:
        x = (
            rng.choice([0.0, 1.0, -0.0, 1e-310, 1e-8, 0.3, 1 - 1e-7], sizes)
            if rng.random() < 0.3
            else rng.random(sizes)
        )
        x = np.array(x).astype(pick(rng, (*FLOATS, bool, np.uint8)))
    else:
        x = _kind_of(rng, broadcast(rng, numbers(rng, sizes, special=not extreme)))
    options = chosen(
        rng,
        weight=lambda: weights(rng, _broadcastable(rng, sizes), extreme),
        reduction=lambda: pick(rng, REDUCTIONS),
    )
    if "pos_weight" in loss.options and not extreme:
        options |= chosen(rng, pos_weight=lambda: weights(rng, _broadcastable(rng, sizes)))
    options |= _numbers_of(rng, loss)
    ignore_index = None
    if "ignore_index" in loss.options and rng.random() < 0.4:
        ignore_index = options["ignore_index"] = pick(rng, (None, -1, 0, 1, 100, 2**40))
    t = np.array(
        rng.random(sizes) if rng.random() < 0.5 else rng.integers(0, 2, sizes).astype(float)
    )
    if ignore_index is not None and t.size:
        t[rng.random(sizes) < pick(rng, (0.3, 1.0))] = ignore_index
    kinds = [np.float64] if ignore_index == 2**40 else [*FLOATS]
    if (t == np.floor(t)).all() and ignore_index != 2**40:
        kinds += [np.int8, np.int64] + [np.uint8, bool] * (ignore_index in (None, 0, 1))
    target = t.astype(pick(rng, kinds))
    t = target.astype(_computed(x.dtype))
    call = _dressed_call(rng, name + form, {first: x, "target": target}, options)
    keys = {key: options[key] for key in options if key in loss.names}

    def expect():
        if name not in references.ELEMENTS:
            return references.of_battery(battery, name, x, t, keys)
        return references.ELEMENTS[name](x, t, **keys)

    _loss(call, form, name, expect, x, options.get("reduction", "mean"), sizes, lambda a: a)
    spoil = {
        first: lambda: bad_kind(rng, x),
        "weight": lambda: bad_weights(rng, np.ones(sizes)),
        "reduction": lambda: pick(rng, ("Mean", None, 1, b"sum", ["mean"])),
    }
    wrong = pick(rng, (1.5, -1e-3, np.nan, np.inf, -np.inf))
    spoil["target"] = lambda: pick(
        rng,
        (
            bad_kind(rng, t),
            _replaced(rng, t, wrong) if t.size else "t",
            np.zeros((*sizes, 2)),
            None,
        ),
    )
    if on_probabilities and x.size:
        spoil[first] = lambda: _replaced(
            rng, x.astype(float), pick(rng, (1.1, -1e-3, np.nan, np.inf))
        )
    if "pos_weight" in loss.options:
        spoil["pos_weight"] = lambda: bad_weights(rng, np.ones(sizes))
    if "ignore_index" in loss.options:
        spoil["ignore_index"] = lambda: pick(rng, (1.0, "1", True, [1], 2**63, np.nan))
    return _complete(rng, call, form, x, spoil | _bad_numbers_of(rng, loss))


def special(rng):
    """A function of `fastce._losses.special`."""
    name, kind, reduces = pick(rng, table.SPECIAL)
    flat = kind == table.ELEMENTS
    sizes = shape(rng, least=0 if flat else 1)
    x = _kind_of(rng, broadcast(rng, numbers(rng, sizes)))
    axis = int(rng.integers(-len(sizes), len(sizes))) if not flat else 0
    whole, keepdims = reduces and rng.random() < 0.15, reduces and rng.random() < 0.3
    given = dressed(rng, x) if x.flags.writeable else x
    call = Call(getattr(fastce, name), [given], computed=_computed(x.dtype), out_names=("result",))
    call.arg_names = ["x"]
    if not flat and (axis != -1 or whole):
        call.kwargs["axis"] = None if whole else axis
    if keepdims:
        call.kwargs["keepdims"] = True
    dtype, wide = x.dtype if x.dtype in FLOATS else np.dtype(np.float64), x.astype(np.longdouble)
    lead = () if whole else tuple(np.delete(sizes, axis).tolist()) if not flat else sizes
    kept = (
        tuple(1 if whole or k == axis % len(sizes) else n for k, n in enumerate(sizes))
        if keepdims
        else lead
    )

    def expected():
        function = getattr(references, name)
        if flat:
            return [(*function(wide), dtype)]
        n_classes = wide.size if whole else sizes[axis]
        rows = (
            wide.reshape(1, -1)
            if whole
            else np.moveaxis(wide, axis, -1).reshape(int(np.prod(lead)), n_classes)
        )
        if reduces:
            return [(*(a.reshape(kept) for a in function(rows)), dtype)]
        if rows.size == 0:
            return [(np.zeros(sizes), np.zeros(sizes), dtype)]
        return [
            (*(np.moveaxis(a.reshape(*lead, n_classes), -1, axis) for a in function(rows)), dtype)
        ]

    call.expected, result_shape = expected, kept if reduces else sizes
    spoil = {"x": lambda: bad_kind(rng, x)}
    if not flat:
        bad = (len(sizes), -len(sizes) - 1, 0.0, "0", (0, 0), (0.0,), 2**70)
        spoil["axis"] = lambda: pick(rng, bad)
    if rng.random() < 0.1:
        call.broken.add("out")
        call.kwargs["out"] = bad_out(rng, result_shape, dtype, given)
        return call
    call.outs = [None]
    if rng.random() < 0.4:
        own = (
            isinstance(given, np.ndarray)
            and given.dtype == dtype
            and given.flags.writeable
            and not reduces
            and rng.random() < 0.5
        )
        call.outs = [given if own else room(rng, result_shape, dtype)]
        call.kwargs["out"] = call.outs[0]
    finish(rng, call, spoil)
    return call
