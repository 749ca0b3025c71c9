"""Branch-free ``exp`` and ``log1p`` for float32 and float64 scalars, which LLVM turns into vector code inside a loop.

A call to ``math.exp`` in a loop stays a call for every element. These are a few multiplications and additions each, so a loop over
them vectorises on any instruction set; with or without fused multiply-add the result is within 1 ULP of the exact one.

``exp(x)``: x = n log(2) + r with |r| <= log(2)/2; log(2) is split in two so that n times its high part is exact (Cody & Waite 1980);
exp(r) = 1 + r + r^2 P(r); 2^n is put together from its bits and applied in two steps, so that results below the smallest normal
number are rounded once and results above the largest become inf.

``log1p(u)``, u >= 0: 1 + u = 2^k (1 + f) with -1/4 <= f < 1/2, where f = (u - (2^k - 1)) / 2^k hardly rounds, since 1 + u is not formed;
log(1 + u) = k log(2) + log(1 + f), and with s = f / (2 + f), log(1 + f) = 2 atanh(s) = f - (f^2/2 - s (f^2/2 + s^2 P(s^2))), as in fdlibm.

The coefficients of every P are minimax fits (Remez) to the error of the whole function; each comment gives that error.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from ._jit import scalar

_F32 = np.float32
_LOG2E_32 = _F32(1.44269504088896341)
_LN2_HI_32 = _F32(0.693359375)  # 9 bits, so n * hi is exact for |n| < 2^15
_LN2_LO_32 = _F32(-2.12194440054690583e-4)
_SHIFT_32 = _F32(1.5 * 2**23)  # adding it rounds to an integer, which then stands in the low bits
_EXP_MIN_32, _EXP_MAX_32 = _F32(-104.0), _F32(89.0)  # exp is 0 below and inf above
_E2_32, _E3_32, _E4_32, _E5_32, _E6_32 = map(  # 7.5e-9
    _F32, (0.5000000027005372, 0.16666576800983662, 0.04166637470636227, 0.008363207963468382, 0.0013941163249885221)
)
_L1_32, _L2_32, _L3_32 = map(_F32, (0.666667145299752, 0.39978750724766643, 0.29963179992663724))  # 9.6e-9
_ONE_32, _TWO_32, _HALF_32 = _F32(1), _F32(2), _F32(0.5)

_LOG2E = 1.44269504088896341
_LN2_HI = float.fromhex("0x1.62e42fee00000p-1")  # 32 bits, so n * hi is exact for |n| < 2^21
_LN2_LO = float.fromhex("0x1.a39ef35793c76p-33")
_SHIFT = 1.5 * 2.0**52
_EXP_MIN, _EXP_MAX = -746.0, 710.0
_E2, _E3, _E4, _E5, _E6, _E7, _E8, _E9, _E10, _E11 = (  # 1.2e-17
    0.5000000000000001,
    0.16666666666666674,
    0.04166666666662398,
    0.008333333333322172,
    0.0013888888917285545,
    0.00019841269886699926,
    2.4801521185224727e-05,
    2.755724221351069e-06,
    2.7620140796145187e-07,
    2.511009630403349e-08,
)
_L1, _L2, _L3, _L4, _L5, _L6, _L7, _L8 = (  # 5.1e-19
    0.6666666666666666,
    0.40000000000008057,
    0.2857142856723041,
    0.22222223055173002,
    0.18181737139713208,
    0.15388885619568116,
    0.1320938490496487,
    0.13611335591963503,
)


@scalar
def _exp_32(x):
    x = _EXP_MIN_32 if x < _EXP_MIN_32 else x  # written so that NaN stays
    x = _EXP_MAX_32 if x > _EXP_MAX_32 else x
    shifted = x * _LOG2E_32 + _SHIFT_32
    n = shifted - _SHIFT_32
    r_high, r_low = x - n * _LN2_HI_32, n * -_LN2_LO_32  # r_high is exact
    r = r_high + r_low
    poly = _E6_32 * r + _E5_32
    poly = poly * r + _E4_32
    poly = poly * r + _E3_32
    poly = poly * r + _E2_32
    exp_r = ((poly * r) * r + r_low) + r_high + _ONE_32
    power = np.int32(np.float32(shifted).view(np.int32) - np.int32(0x4B400000))
    half = np.int32(power >> np.int32(1))
    first = np.int32((half + np.int32(127)) << np.int32(23)).view(np.float32)
    second = np.int32((power - half + np.int32(127)) << np.int32(23)).view(np.float32)
    return exp_r * first * second


@scalar
def _exp_64(x):
    x = _EXP_MIN if x < _EXP_MIN else x
    x = _EXP_MAX if x > _EXP_MAX else x
    shifted = x * _LOG2E + _SHIFT
    n = shifted - _SHIFT
    r_high, r_low = x - n * _LN2_HI, n * -_LN2_LO
    r = r_high + r_low
    poly = _E11 * r + _E10
    poly = poly * r + _E9
    poly = poly * r + _E8
    poly = poly * r + _E7
    poly = poly * r + _E6
    poly = poly * r + _E5
    poly = poly * r + _E4
    poly = poly * r + _E3
    poly = poly * r + _E2
    exp_r = ((poly * r) * r + r_low) + r_high + 1.0
    power = np.float64(shifted).view(np.int64) - np.int64(0x4338000000000000)
    half = power >> np.int64(1)
    first = np.int64((half + np.int64(1023)) << np.int64(52)).view(np.float64)
    second = np.int64((power - half + np.int64(1023)) << np.int64(52)).view(np.float64)
    return exp_r * first * second


@scalar
def _log1p_32(u):
    k = np.int32((np.float32(_ONE_32 + u).view(np.int32) - np.int32(0x3F400000)) >> np.int32(23))
    power = np.int32((np.int32(127) + k) << np.int32(23)).view(np.float32)
    inverse = np.int32((np.int32(127) - k) << np.int32(23)).view(np.float32)
    f = (u - (power - _ONE_32)) * inverse
    s = f / (_TWO_32 + f)
    z = s * s
    poly = (_L3_32 * z + _L2_32) * z + _L1_32
    half_square = _HALF_32 * f * f
    # the high part of k log(2) comes last, so that only this addition rounds at the size of the result
    n = np.float32(k)
    return n * _LN2_HI_32 - ((half_square - (s * (half_square + z * poly) + n * _LN2_LO_32)) - f)


@scalar
def _log1p_64(u):
    k = (np.float64(1.0 + u).view(np.int64) - np.int64(0x3FE8000000000000)) >> np.int64(52)
    power = np.int64((np.int64(1023) + k) << np.int64(52)).view(np.float64)
    inverse = np.int64((np.int64(1023) - k) << np.int64(52)).view(np.float64)
    f = (u - (power - 1.0)) * inverse
    s = f / (2.0 + f)
    z = s * s
    poly = _L8 * z + _L7
    poly = poly * z + _L6
    poly = poly * z + _L5
    poly = poly * z + _L4
    poly = poly * z + _L3
    poly = poly * z + _L2
    poly = poly * z + _L1
    half_square = 0.5 * f * f
    n = np.float64(k)
    return n * _LN2_HI - ((half_square - (s * (half_square + z * poly) + n * _LN2_LO)) - f)


def exp(x):
    """exp(x) of a float32 or float64 scalar, within 1 ULP; any x, NaN stays."""
    return _exp_32(x) if isinstance(x, np.float32) else _exp_64(x)


def log1p(u):
    """log(1 + u) of a float32 or float64 scalar with 0 <= u < 2^100, within 1 ULP; NaN stays."""
    return _log1p_32(u) if isinstance(u, np.float32) else _log1p_64(u)


@overload(exp)
def _exp(x):
    return (lambda x: _exp_32(x)) if x == types.float32 else (lambda x: _exp_64(x))


@overload(log1p)
def _log1p(u):
    return (lambda u: _log1p_32(u)) if u == types.float32 else (lambda u: _log1p_64(u))


@intrinsic
def _maxnum(typing_context, a, b):
    def codegen(context, builder, signature, args):
        scalar = args[0].type
        function = builder.module.declare_intrinsic("llvm.maxnum", [scalar], ir.FunctionType(scalar, [scalar, scalar]))
        return builder.call(function, args)

    return a(a, b), codegen


def larger(a, b):
    """Return the larger of two scalars, the other one if one is NaN; unlike ``max`` it vectorises as a reduction."""
    return b if b > a or a != a else a


@overload(larger)
def _larger(a, b):
    return lambda a, b: _maxnum(a, b)
