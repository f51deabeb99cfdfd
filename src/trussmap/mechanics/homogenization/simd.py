"""Arithmetic with one design per SIMD lane, spelled out in vector instructions.

Plain loops over the lanes are left scalar by the compiler, which cannot prove that the blocks they
touch differ (measured: 2 against 25 GFLOP/s on one core). Here a Python function over ``Lanes``
values is run once, while Numba compiles, and each of its operations becomes a vector instruction.
Arrays end in the lane axis and start on a vector's boundary; they are addressed by the number of
the vector, their leading axes flattened.
"""

from inspect import Parameter, signature

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

#: Designs worked on at once: one AVX-512 register of doubles. Narrower machines split it.
LANES = 8
_DOUBLE = ir.DoubleType()
_VECTOR = ir.VectorType(_DOUBLE, LANES)
_WORD = ir.IntType(64)
_FLAGS = ["contract", "nsz", "arcp"]


def aligned_zeros(*shape):
    """Zeros that start on a vector's boundary, as the vector instructions need; the last axis is the lanes."""
    size = int(np.prod(shape))
    raw = np.zeros(size + LANES)
    first = -(raw.ctypes.data // 8) % LANES
    return raw[first : first + size].reshape(shape)


class Lanes:
    """A value in each lane."""

    def __init__(self, builder, value):
        self.builder, self.value = builder, value

    def _operand(self, other):
        if isinstance(other, Lanes):
            return other.value
        return ir.Constant(_VECTOR, [float(other)] * LANES)

    def _apply(self, operation, left, right):
        return Lanes(self.builder, getattr(self.builder, operation)(left, right, flags=_FLAGS))

    def __add__(self, other):
        return self._apply("fadd", self.value, self._operand(other))

    def __sub__(self, other):
        return self._apply("fsub", self.value, self._operand(other))

    def __mul__(self, other):
        return self._apply("fmul", self.value, self._operand(other))

    def __rtruediv__(self, other):
        return self._apply("fdiv", self._operand(other), self.value)

    def __rsub__(self, other):
        return self._apply("fsub", self._operand(other), self.value)

    def __neg__(self):
        return Lanes(self.builder, self.builder.fneg(self.value))

    __radd__, __rmul__ = __add__, __mul__

    def _call(self, name):
        name = f"{name}.v{LANES}f64"
        module = self.builder.module
        function = module.globals.get(name) or ir.Function(
            module, ir.FunctionType(_VECTOR, [_VECTOR]), name
        )
        return Lanes(self.builder, self.builder.call(function, [self.value]))

    def sqrt(self):
        return self._call("llvm.sqrt")

    def abs(self):
        return self._call("llvm.fabs")


class _Array:
    """Vectors of an array by number (int, or an IR integer)."""

    def __init__(self, builder, data, first=0):
        self.builder, self.base, self.first = (
            builder,
            builder.bitcast(data, _VECTOR.as_pointer()),
            first,
        )

    def _pointer(self, number):
        offset = ir.Constant(_WORD, number)
        return self.builder.gep(
            self.base, [self.builder.add(self.first, offset) if self.first else offset]
        )

    def __getitem__(self, number):
        vector = self.builder.load(self._pointer(number))
        vector.align = LANES * 8
        return Lanes(self.builder, vector)

    def __setitem__(self, number, lanes):
        value = (
            lanes.value
            if isinstance(lanes, Lanes)
            else ir.Constant(_VECTOR, [float(lanes)] * LANES)
        )
        self.builder.store(value, self._pointer(number)).align = LANES * 8

    def block(self, index, size=9):
        """The same array from vector ``index`` · ``size`` on, ``index`` an IR integer."""
        shifted = _Array.__new__(_Array)
        shifted.builder, shifted.base = self.builder, self.base
        shifted.first = self.builder.mul(_word(self.builder, index), ir.Constant(_WORD, size))
        return shifted


class _Scalars:
    """Entries of an array without lane axis, the same in all lanes."""

    def __init__(self, builder, data):
        self.builder, self.data = builder, data

    def __getitem__(self, number):
        return _spread(
            self.builder,
            self.builder.load(self.builder.gep(self.data, [ir.Constant(_WORD, number)])),
        )


def _word(builder, integer):
    return integer if integer.type == _WORD else builder.sext(integer, _WORD)


def _spread(builder, scalar):
    vector = ir.Constant(_VECTOR, ir.Undefined)
    for lane in range(LANES):
        vector = builder.insert_element(vector, scalar, ir.Constant(ir.IntType(32), lane))
    return Lanes(builder, vector)


def _emit(body, *argument_types):
    """Signature and code generator of an intrinsic that runs ``body``.

    Arrays with a lane axis arrive as ``_Array``; one-dimensional ones as ``_Scalars``; floats as
    ``Lanes``; integers as they are.
    """

    def codegen(context, builder, typed, arguments):
        values = []
        for typ, value in zip(typed.args, arguments, strict=True):
            if isinstance(typ, types.Array):
                data = context.make_array(typ)(context, builder, value).data
                floating = isinstance(typ.dtype, types.Float)
                wrap = (
                    _Array
                    if typ.ndim > 1 and floating
                    else _Scalars
                    if floating
                    else lambda _, pointer: pointer
                )
                values.append(wrap(builder, data))
            elif isinstance(typ, types.Float):
                values.append(_spread(builder, value))
            else:
                values.append(value)
        body(*values)
        return context.get_dummy_value()

    return types.void(*argument_types), codegen


def lanes(body):
    """Make a function over ``Lanes`` values callable from compiled code; all its results go into array arguments.

    The function itself stays at hand as the attribute ``body``.
    """

    def function(typing_context, *argument_types):
        return _emit(body, *argument_types)

    own = signature(body)
    context = Parameter("typing_context", Parameter.POSITIONAL_OR_KEYWORD)
    function.__signature__ = own.replace(parameters=[context, *own.parameters.values()])
    function.__name__, function.__doc__, function.body = body.__name__, body.__doc__, body
    return intrinsic(function)


@lanes
def add_scaled(matrix, target, element, source, factor):
    """matrix[target] += factor · element[source], blocks of 9."""
    into, value = matrix.block(target), element.block(source)
    for k in range(9):
        into[k] = into[k] + factor * value[k]


@lanes
def subtract_products(matrix, products, target, first, last):
    """matrix[target] -= Σ matrix[a] · matrix[b]ᵀ over products[first:last] = (a, b)."""
    builder = matrix.builder
    into = matrix.block(target)
    sums = [cgutils.alloca_once(builder, _VECTOR) for _ in range(9)]  # become registers
    for k, total in enumerate(sums):
        builder.store(into[k].value, total)
    with cgutils.for_range_slice(
        builder, _word(builder, first), _word(builder, last), ir.Constant(_WORD, 1)
    ) as (
        product,
        _,
    ):
        position = builder.mul(product, ir.Constant(product.type, 2))
        places = (builder.add(position, ir.Constant(product.type, k)) for k in (0, 1))
        a, b = (matrix.block(builder.load(builder.gep(products, [place]))) for place in places)
        right = [b[k] for k in range(9)]
        for i in range(3):
            row = [-a[3 * i + k] for k in range(3)]
            for j in range(3):
                total = Lanes(builder, builder.load(sums[3 * i + j]))
                for k in range(3):
                    total = row[k] * right[3 * j + k] + total
                builder.store(total.value, sums[3 * i + j])
    for k, total in enumerate(sums):
        into[k] = Lanes(builder, builder.load(total))
