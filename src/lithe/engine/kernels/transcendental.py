"""Exponentials and logarithms of a vector, without a table and without a library.

Every function is a reduction to a small interval, a polynomial there and exact scaling by a
power of two. The coefficients are minimax fits (Remez, worked out with 50 digits); the
comment beside each says on which interval and how far off. NaN and infinities come out as
they do of the C library's functions: comparisons are ordered, so a NaN passes each select.

What networks use often (exp, expm1, erfc) is done in float32; logarithms and powers, which
are rare, in float64, where rounding is no concern.
"""

import struct
from collections.abc import Sequence
from math import inf, log, nan

from lithe.engine.ir import Function

# (e^r - 1 - r) / r^2 for |r| <= 0.35, error of e^r - 1 1.4e-8 |r|
_EXPM1 = (
    0.5000000065713405, 0.16666538015415674, 0.041666266534879225,
    0.008367246772685811, 0.001394759845031632,
)  # fmt: skip
# log(erfc(t)) / t for 0 <= t <= 4, error of erfc(t) 2.3e-9
_LOG_ERFC = (
    -1.1283793292094115, -0.6366161545230764, -0.10279896430390009, 0.019216518951120636,
    5.9653307719099204e-05, -0.0015774617364181665, 0.0005882731450926798,
    -0.00010610491976286635, 8.051573325322816e-06,
)  # fmt: skip
# 2 atanh(s) / s as a polynomial of s^2 for |s| <= 0.1733, error 2e-16
_ATANH = (
    2.0000000000000004, 0.6666666666653753, 0.4000000006860258, 0.2857141491834086,
    0.22223513745931153, 0.1811933738039111, 0.16869347590788725,
)  # fmt: skip
# e^r for |r| <= 0.35, error 8.5e-13
_EXP_DOUBLE = (
    0.9999999999997375, 0.9999999999790344, 0.5000000000669302, 0.16666666898799776,
    0.0416666640698657, 0.008333264356203216, 0.0013889190389836325,
    0.0001991690591487462, 2.4725723257488284e-05,
)  # fmt: skip
# ln 2 in two parts, the first of 10 bits: n times it is exact for every exponent n.
_LN2_HIGH, _LN2_LOW = 0.693359375, -2.121944400546905e-04
_LOG2_E = 1.4426950408889634
# 1.5 x 2^23: added to a number below 2^22, it leaves the nearest integer in the low bits.
_ROUNDER = 12582912.0


def exp(f: Function, x: str) -> str:
    """e^x, within 1.5 units in the last place where it is no denormal number."""
    n, minus_1 = _reduced(f, clamped(f, x, -104.0, 89.0))
    value = f.binary("fadd", minus_1, f.constant(1))
    # 2^n itself overflows before e^x does and is 0 before e^x is: two factors are in range.
    ints = f"<{f.isa.lanes} x i32>"
    half = f.let(f"ashr {ints} {n}, splat (i32 1)")
    rest = f.let(f"sub {ints} {n}, {half}")
    return f.binary("fmul", f.binary("fmul", value, _power_of_2(f, half)), _power_of_2(f, rest))


def expm1(f: Function, x: str) -> str:
    """e^x - 1 for x <= 0, small results to full precision."""
    n, minus_1 = _reduced(f, clamped(f, x, -87.0, inf))
    scale = _power_of_2(f, n)
    return f.fma(minus_1, scale, f.binary("fsub", scale, f.constant(1)))


def erfc(f: Function, t: str) -> str:
    """1 - erf(t) for t >= 0; beyond 4, where it is below 1.6e-8, it is 0."""
    value = exp(f, f.binary("fmul", t, polynomial(f, t, _LOG_ERFC)))
    return f.select("ogt", t, f.constant(4), f.constant(0), value)


def logarithm(f: Function, x: str) -> str:
    """The natural logarithm."""
    return _narrow(f, _log(f, _wide(f, x)))


def log1p_of_exp(f: Function, x: str) -> str:
    """log(1 + e^x) for x < 88."""
    e = exp(f, x)
    total = _double(f, "fadd", _wide(f, e), _number(1))
    # Below 2^-12 the sum forgets e, and e - e^2 / 2 is exact to float32.
    short = f.fma(f.binary("fmul", e, f.constant(-0.5)), e, e)
    return f.select("olt", e, f.constant(2**-12), short, _narrow(f, _log(f, total)))


def hyperbolic_tangent(f: Function, x: str) -> str:
    """The hyperbolic tangent, small results to full precision."""
    twice = _wide(f, clamped(f, f.binary("fadd", x, x), -40.0, 40.0))
    e = _exp_double(f, twice)
    ratio = _double(f, "fdiv", _double(f, "fsub", e, _number(1)), _double(f, "fadd", e, _number(1)))
    return f.select("olt", magnitude(f, x), f.constant(2**-13), x, _narrow(f, ratio))


def power(f: Function, x: str, exponent: float) -> str:
    """x^exponent, by multiplications for a small whole exponent, else by e^(exponent log x)."""
    if exponent == 0.5:
        return square_root(f, x)
    if exponent == -0.5:
        return f.binary("fdiv", f.constant(1), square_root(f, x))
    if exponent == int(exponent) and 0 < abs(exponent) <= 64:
        return _narrow(f, _whole_power(f, _wide(f, x), int(exponent)))
    if exponent == 0:
        return f.constant(1)
    whole = exponent == int(exponent)
    # Of what is below 0 only infinity has a fractional power.
    base = magnitude(f, x) if whole else f.select("oeq", x, f.constant(-inf), f.constant(inf), x)
    exponential = _double(f, "fmul", _log(f, _wide(f, base)), _number(exponent))
    size = _narrow(f, _exp_double(f, exponential))
    odd = whole and int(exponent) % 2 == 1
    return f.select("olt", x, f.constant(0), negative(f, size), size) if odd else size


def square_root(f: Function, x: str) -> str:
    """The square root, correctly rounded."""
    return f.let(f"call {f.vector} @llvm.sqrt.v{f.isa.lanes}f32({f.vector} {x})")


def magnitude(f: Function, x: str) -> str:
    """|x|."""
    return _masked(f, "and", x, 0x7FFFFFFF)


def negative(f: Function, x: str) -> str:
    """-x."""
    return f.let(f"fneg {f.vector} {x}")


def clamped(f: Function, x: str, low: float, high: float) -> str:
    """X between two limits, an infinite one being none.

    Compare, then select: a NaN compares false and goes through, as it does in PyTorch.
    """
    if low > -inf:
        x = f.select("olt", x, f.constant(low), f.constant(low), x)
    if high < inf:
        x = f.select("ogt", x, f.constant(high), f.constant(high), x)
    return x


def polynomial(f: Function, x: str, coefficients: Sequence[float]) -> str:
    """c0 + c1 x + c2 x^2 + ..., by Horner's rule."""
    value = f.constant(coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        value = f.fma(value, x, f.constant(coefficient))
    return value


# float32


def _reduced(f: Function, x: str) -> tuple[str, str]:
    """(n, e^r - 1) with x = n ln 2 + r, |r| <= ln 2 / 2 and n in 32-bit integers."""
    rounded = f.fma(x, f.constant(_LOG2_E), f.constant(_ROUNDER))
    n = f.binary("fsub", rounded, f.constant(_ROUNDER))
    r = f.fma(n, f.constant(-_LN2_HIGH), x)
    r = f.fma(n, f.constant(-_LN2_LOW), r)
    minus_1 = f.fma(f.binary("fmul", r, r), polynomial(f, r, _EXPM1), r)
    ints = f"<{f.isa.lanes} x i32>"
    bits = f.let(f"bitcast {f.vector} {rounded} to {ints}")
    zero = struct.unpack("<i", struct.pack("<f", _ROUNDER))[0]
    return f.let(f"sub {ints} {bits}, splat (i32 {zero})"), minus_1


def _power_of_2(f: Function, n: str) -> str:
    """2^n of integers from -126 to 127."""
    ints = f"<{f.isa.lanes} x i32>"
    biased = f.let(f"add {ints} {n}, splat (i32 127)")
    bits = f.let(f"shl {ints} {biased}, splat (i32 23)")
    return f.let(f"bitcast {ints} {bits} to {f.vector}")


def _masked(f: Function, operation: str, x: str, mask: int) -> str:
    ints = f"<{f.isa.lanes} x i32>"
    bits = f.let(f"bitcast {f.vector} {x} to {ints}")
    kept = f.let(f"{operation} {ints} {bits}, splat (i32 {mask})")
    return f.let(f"bitcast {ints} {kept} to {f.vector}")


# float64


def _wide(f: Function, x: str) -> str:
    return f.let(f"fpext {f.vector} {x} to {_kind(f)}")


def _narrow(f: Function, x: str) -> str:
    return f.let(f"fptrunc {_kind(f)} {x} to {f.vector}")


def _kind(f: Function) -> str:
    return f"<{f.isa.lanes} x double>"


def _number(value: float) -> str:
    return f"splat (double 0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X})"


def _double(f: Function, operation: str, a: str, b: str) -> str:
    return f.let(f"{operation} {_kind(f)} {a}, {b}")


def _horner(f: Function, x: str, coefficients: Sequence[float]) -> str:
    value = _number(coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        value = _double(f, "fadd", _double(f, "fmul", value, x), _number(coefficient))
    return value


def _where(f: Function, comparison: str, a: str, b: str, then: str, other: str) -> str:
    kind = _kind(f)
    mask = f.let(f"fcmp {comparison} {kind} {a}, {b}")
    return f.let(f"select <{f.isa.lanes} x i1> {mask}, {kind} {then}, {kind} {other}")


def _log(f: Function, x: str) -> str:
    """The natural logarithm of a float64 that a float32 can hold: no denormal float64."""
    longs = f"<{f.isa.lanes} x i64>"
    bits = f.let(f"bitcast {_kind(f)} {x} to {longs}")
    # From sqrt(1/2) on: subtracting its bits makes the exponent field the one to take out.
    root = struct.unpack("<q", struct.pack("<d", 0.5**0.5))[0]
    above = f.let(f"sub {longs} {bits}, splat (i64 {root})")
    field = f.let(f"ashr {longs} {above}, splat (i64 52)")
    shifted = f.let(f"shl {longs} {field}, splat (i64 52)")
    mantissa = f.let(f"sub {longs} {bits}, {shifted}")
    m = f.let(f"bitcast {longs} {mantissa} to {_kind(f)}")
    # The exponent as a float64 without a conversion, which not every instruction set has.
    base = struct.unpack("<q", struct.pack("<d", 1.5 * 2**52))[0]
    placed = f.let(f"add {longs} {field}, splat (i64 {base})")
    n = _double(f, "fsub", f.let(f"bitcast {longs} {placed} to {_kind(f)}"), _number(1.5 * 2**52))
    s = _double(f, "fdiv", _double(f, "fsub", m, _number(1)), _double(f, "fadd", m, _number(1)))
    series = _double(f, "fmul", s, _horner(f, _double(f, "fmul", s, s), _ATANH))
    value = _double(f, "fadd", _double(f, "fmul", n, _number(log(2))), series)
    value = _where(f, "oeq", x, _number(inf), _number(inf), value)
    value = _where(f, "oeq", x, _number(0), _number(-inf), value)
    value = _where(f, "olt", x, _number(0), _number(nan), value)
    return _where(f, "uno", x, x, x, value)


def _exp_double(f: Function, x: str) -> str:
    """e^x as a float64, wherever a float32 of it is neither 0 nor infinite; else beyond it."""
    x = _where(f, "olt", x, _number(-120), _number(-120), x)
    x = _where(f, "ogt", x, _number(100), _number(100), x)
    rounder = 1.5 * 2**52
    rounded = _double(f, "fadd", _double(f, "fmul", x, _number(_LOG2_E)), _number(rounder))
    n = _double(f, "fsub", rounded, _number(rounder))
    r = _double(f, "fsub", x, _double(f, "fmul", n, _number(log(2))))
    longs = f"<{f.isa.lanes} x i64>"
    bits = f.let(f"bitcast {_kind(f)} {rounded} to {longs}")
    # The low bits hold n; shifted up, all above them is gone.
    exponent = f.let(f"shl {longs} {bits}, splat (i64 52)")
    one = f.let(f"add {longs} {exponent}, splat (i64 {1023 << 52})")
    scale = f.let(f"bitcast {longs} {one} to {_kind(f)}")
    return _double(f, "fmul", _horner(f, r, _EXP_DOUBLE), scale)


def _whole_power(f: Function, x: str, exponent: int) -> str:
    result, square, left = "", x, abs(exponent)
    while left:
        if left & 1:
            result = _double(f, "fmul", result, square) if result else square
        left >>= 1
        square = _double(f, "fmul", square, square) if left else square
    return _double(f, "fdiv", _number(1), result) if exponent < 0 else result
