"""The FMA loop does what it is counted to do, at every width."""

import llvmlite.binding as llvm
import pytest

from lithe.engine.peak import ACCUMULATORS, REPEATS, fma_loop, loop_ir


@pytest.mark.parametrize("bits", [128, 256, 512])
def test_every_width_is_valid_and_counted_right(bits: int) -> None:
    ir = loop_ir(bits)
    llvm.parse_assembly(ir).verify()
    assert ir.count("= call") == ACCUMULATORS * REPEATS
    assert ir.count("phi <") == ACCUMULATORS


@pytest.mark.parametrize("threads", [1, 2])
def test_all_threads_run_all_sums(threads: int) -> None:
    loop = fma_loop(threads)
    assert loop.run() == ACCUMULATORS * threads  # every sum stays at its fixed point, 1
    assert loop.macs % (threads * ACCUMULATORS * REPEATS * loop.vector_bits // 32) == 0


def test_the_loop_keeps_its_sums_in_registers() -> None:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features()
    bits = fma_loop().vector_bits
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=features.flatten(), opt=2
    )
    assembly = machine.emit_assembly(llvm.parse_assembly(loop_ir(bits)))
    if features.get("fma"):
        body = assembly[assembly.index("vfmadd") : assembly.rindex("vfmadd")]
        assert body.count("vfmadd") == ACCUMULATORS * REPEATS - 1
        assert "mmword" not in body
        assert "(%rsp)" not in body
