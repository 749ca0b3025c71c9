"""Rows of any strides and dtype as tiles, and back."""

import numpy as np
import pytest
from layouts import VIEWS
from numpy.testing import assert_array_equal

from fastce._native import rowwise, tiles

KINDS = [("e", "f"), ("f", "f"), ("d", "d"), ("f", "d"), ("d", "f")]
# Fewer and more than a vector of every instruction set, whole vectors, and one number besides.
CLASSES = [1, 2, 3, 5, 8, 9, 16, 17, 33, 70]


def rows_of(x, place):
    """Return the numbers (outer, inner, K) in one of several orders of memory."""
    if place == "axis 1":
        return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 2, 1)), 1, 2)
    return VIEWS[place](x)


@pytest.mark.parametrize("place", ["axis 1", *VIEWS])
@pytest.mark.parametrize(("dtype", "tile_dtype"), KINDS)
def test_rows_there_and_back(dtype, tile_dtype, place, rng):
    for n_classes in CLASSES:
        x = rows_of(rng.standard_normal((3, 21, n_classes)).astype(dtype), place)
        expected = x.astype(tile_dtype).reshape(-1, n_classes)
        for first, last in ((0, 63), (5, 40), (20, 21), (7, 7)):
            tile = np.full((63, n_classes), 7, tile_dtype)
            tiles.load_rows(x, tile, first, last)
            assert_array_equal(tile[first:last], expected[first:last])
            assert (tile[:first] == 7).all()
            assert (tile[last:] == 7).all()
            if (dtype, tile_dtype) == ("d", "f"):
                continue
            back = rows_of(np.zeros(x.shape, dtype), place)
            tiles.store_rows(expected, back, first, last)
            numbers = back.reshape(-1, n_classes)
            assert_array_equal(numbers[first:last], x.reshape(-1, n_classes)[first:last])
            assert not numbers[:first].any()
            assert not numbers[last:].any()


def test_every_float16_is_widened_and_narrowed():
    bits = np.arange(1 << 16, dtype=np.uint16)
    x, tile = bits.view(np.float16).reshape(1, -1, 1), np.empty(bits.size, np.float32)
    tiles.load_rows(x, tile, 0, bits.size)
    with np.errstate(all="ignore"):
        assert_array_equal(tile, x.reshape(-1).astype(np.float32))
    back = np.empty_like(x)
    tiles.store_rows(tile, back, 0, bits.size)
    assert_array_equal(back, x)


def hard_numbers(rng):
    """Return numbers of all sizes, and those between two numbers of 16 bits."""
    half = np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float64)
    half = np.sort(half[np.isfinite(half)])
    ties = (half[1:] + half[:-1]) / 2
    random = rng.standard_normal(10_000) * 10.0 ** rng.integers(-40, 40, 10_000)
    special = [np.inf, -np.inf, np.nan, 0.0, -0.0, 65519.99, 65520.0, 1e300, -1e-300]
    return np.concatenate(
        [half, ties, np.nextafter(ties, 0.0), np.nextafter(ties, 1e9), random, special]
    )


def test_doubles_are_rounded_to_float16_once(rng):
    x = hard_numbers(rng)
    out = np.empty((1, x.size, 1), np.float16)
    tiles.store_rows(x, out, 0, x.size)
    with np.errstate(all="ignore"):
        assert_array_equal(out.reshape(-1), x.astype(np.float16))
        x = x.astype(np.float32)
        tiles.store_rows(x, out, 0, x.size)
        assert_array_equal(out.reshape(-1), x.astype(np.float16))


def test_bfloat16_is_the_upper_half_of_a_float(rng):
    with np.errstate(all="ignore"):
        x = hard_numbers(rng).astype(np.float32)
    bits, out = x.view(np.uint32).astype(np.uint64), np.empty((1, x.size, 1), np.uint16)
    tiles.store_rows(x, out, 0, x.size)
    rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16
    is_number = ~np.isnan(x)
    assert_array_equal(out.reshape(-1)[is_number], rounded[is_number])
    tile = np.empty(x.size, np.float32)
    tiles.load_rows(out, tile, 0, x.size)
    assert_array_equal(tile.view(np.uint32) >> 16, out.reshape(-1))
    assert_array_equal(np.isnan(tile), np.isnan(x))


@pytest.mark.parametrize("dtype", ["e", "f", "d"])
@pytest.mark.parametrize("place", ["C", "axis 1"])
def test_scan_names_the_first_bad_entry(dtype, place, rng):
    numbers = rng.random((3, 50, 9)).astype(dtype)
    x = rows_of(numbers, place)
    assert tiles.scan_interval(x, 1.0, np.nan, 0, 150) == 0
    x[1, 3, 4] = x[2, 2, 2] = 2.0
    assert tiles.scan_interval(x, 1.0, 2.0, 0, 150) == 2
    assert tiles.scan_interval(x, 1.0, 2.0, 60, 150) == 1
    assert tiles.scan_interval(x, 1.0, np.nan, 0, 150) == -1 - (53 * 9 + 4)
    assert tiles.scan_interval(x, 1.0, np.nan, 53, 150) == -1 - 4
    x[0, 0, 1] = np.nan
    assert tiles.scan_interval(x, 1.0, 2.0, 0, 150) == -1 - 1


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
def test_functions_of_float16_rows_are_those_of_float32_rounded(name, rng):
    for n_classes in (1, 2, 10, 100, 3000):
        numbers = (9 * rng.standard_normal((2, 33, n_classes))).astype(np.float16)
        x = rows_of(numbers, "axis 1")
        out = np.zeros((2, 33, 1) if name == "logsumexp" else x.shape, np.float16)
        getattr(tiles, name)(x, out, 0, 66)
        rows = numbers.astype(np.float32).reshape(66, n_classes)
        expected = np.empty(66 if name == "logsumexp" else rows.shape, np.float32)
        getattr(rowwise, f"{name}_rows")(rows, expected)
        with np.errstate(all="ignore"):
            assert_array_equal(out.reshape(expected.shape), expected.astype(np.float16))


def test_what_would_be_out_of_bounds_is_refused():
    x, tile = np.zeros((2, 3, 4), np.float32), np.zeros((6, 4), np.float32)
    with pytest.raises(ValueError, match="rows must be from 0 to 6; got 2 to 7"):
        tiles.load_rows(x, tile, 2, 7)
    with pytest.raises(ValueError, match="a tile must be contiguous, 6 rows of 4"):
        tiles.load_rows(x, tile[1:], 0, 6)
    with pytest.raises(ValueError, match="aligned array of three axes"):
        tiles.load_rows(x[0], tile, 0, 3)
    with pytest.raises(TypeError, match="rows must be float16"):
        tiles.load_rows(x.astype(int), tile, 0, 6)
    with pytest.raises(TypeError, match="float64 tiles are of float32 and float64 rows only"):
        tiles.load_rows(x.astype(np.float16), tile.astype(float), 0, 6)
    with pytest.raises(TypeError, match="float32 where the rows are no float64"):
        tiles.store_rows(tile, x.astype(float), 0, 6)
    with pytest.raises(ValueError, match="out must fit x"):
        tiles.softmax(x, np.zeros((2, 3, 5), np.float32), 0, 6)
    with pytest.raises(TypeError, match="x and out must have one dtype"):
        tiles.softmax(x, np.zeros((2, 3, 4), np.float16), 0, 6)
    x.flags.writeable = False
    with pytest.raises(ValueError, match="rows must be writeable"):
        tiles.store_rows(tile, x, 0, 6)
    assert tiles.describe((x, None), ()).shape == (2, tiles.MEMORY_WORDS)
    with pytest.raises(ValueError, match="rows must be writeable"):
        tiles.describe((), (x,))
