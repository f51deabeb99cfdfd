"""Products of 3×3 blocks with one design per SIMD lane, as vector instructions.

Plain loops over the lanes are left scalar by the compiler where it cannot prove that the blocks differ (measured: 2
against 25 GFLOP/s on one core), so the two inner loops are spelled out in vectors here. Arrays have the shape
(blocks, 9, LANES) and start on a vector's boundary (``aligned_zeros``).
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

#: Designs worked on at once: one AVX-512 register of doubles. Narrower machines split it.
LANES = 8
_VECTOR = ir.VectorType(ir.DoubleType(), LANES)
_ALIGN = LANES * 8
_FUSE = ["contract"]


def _block(context, builder, array_type, array, index):
    """Pointers to the nine vectors of one block."""
    data = context.make_array(array_type)(context, builder, array).data
    base = builder.bitcast(data, _VECTOR.as_pointer())
    first = builder.mul(index, ir.Constant(index.type, 9))
    return [builder.gep(base, [builder.add(first, ir.Constant(index.type, k))]) for k in range(9)]


def _load(builder, pointers):
    vectors = [builder.load(pointer) for pointer in pointers]
    for vector in vectors:
        vector.align = _ALIGN
    return vectors


def _store(builder, vector, pointer):
    builder.store(vector, pointer).align = _ALIGN


def _multiply_add(builder, a, b, c):
    return builder.fadd(c, builder.fmul(a, b, flags=_FUSE), flags=_FUSE)


@intrinsic
def subtract_products(_, matrix, pairs, target, first, last):
    """matrix[target] -= Σ matrix[a] · matrix[b]ᵀ over pairs[first:last] = (a, b)."""
    signature = types.void(matrix, pairs, types.intp, types.intp, types.intp)

    def codegen(context, builder, signature, args):
        matrix_type, pairs_type = signature.args[:2]
        indices = context.make_array(pairs_type)(context, builder, args[1]).data
        pointers = _block(context, builder, matrix_type, args[0], args[2])
        sums = [cgutils.alloca_once(builder, _VECTOR) for _ in range(9)]  # become registers
        for total, vector in zip(sums, _load(builder, pointers), strict=True):
            builder.store(vector, total)
        one = ir.Constant(args[3].type, 1)
        with cgutils.for_range_slice(builder, args[3], args[4], one) as (pair, _):
            position = builder.mul(pair, ir.Constant(pair.type, 2))
            a, b = (
                builder.sext(
                    builder.load(builder.gep(indices, [builder.add(position, ir.Constant(pair.type, k))])), pair.type
                )
                for k in (0, 1)
            )
            right = _load(builder, _block(context, builder, matrix_type, args[0], b))
            left = _block(context, builder, matrix_type, args[0], a)
            for i in range(3):
                row = [builder.fneg(vector) for vector in _load(builder, left[3 * i : 3 * i + 3])]
                for j in range(3):
                    total = builder.load(sums[3 * i + j])
                    for k in range(3):
                        total = _multiply_add(builder, row[k], right[3 * j + k], total)
                    builder.store(total, sums[3 * i + j])
        for total, pointer in zip(sums, pointers, strict=True):
            _store(builder, builder.load(total), pointer)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def add_scaled(_, matrix, target, element, source, factor):
    """matrix[target] += factor · element[source]."""
    signature = types.void(matrix, types.intp, element, types.intp, types.float64)

    def codegen(context, builder, signature, args):
        pointers = _block(context, builder, signature.args[0], args[0], args[1])
        sources = _load(builder, _block(context, builder, signature.args[2], args[2], args[3]))
        factor = ir.Constant(_VECTOR, ir.Undefined)
        for lane in range(LANES):
            factor = builder.insert_element(factor, args[4], ir.Constant(ir.IntType(32), lane))
        for pointer, old, new in zip(pointers, _load(builder, pointers), sources, strict=True):
            _store(builder, _multiply_add(builder, factor, new, old), pointer)
        return context.get_dummy_value()

    return signature, codegen
