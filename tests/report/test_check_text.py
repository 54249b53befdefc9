"""How far predictions were off, as a terminal shows it."""

from msgspec.structs import replace
from tests.latency_table.sample import TINY

from lithe.latency_table.check import Checked
from lithe.report.check_text import check_text
from lithe.report.terminal import render


def test_the_farthest_off_come_first_and_every_line_fits() -> None:
    name = "mobilenet_v2-hs-n1t1k3-n2t3k5s-n3t6k3.r6-n4t4k7s-n3t2k5-n3t6k7s-n1t6k3"
    checked = [
        Checked(replace(TINY, name=name, width=0.1 * n), 1e-3 * (1 + 0.01 * n), 0.5, 1e-3, n == 3)
        for n in range(1, 11)
    ]
    text = render(check_text(checked, "Some CPU", 2, 150), width=80)
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    assert "Some CPU, 2 threads; steps of 150 networks were measured before" in text
    assert "10 random networks" in text
    assert "5.5% off" in text
    assert "the worst 10.0%" in text.replace("\n", " ")
    assert "slowed the machine down while 1 were measured" in text
    (first,) = (at for at, line in enumerate(lines) if "+10.0%" in line)
    (second,) = (at for at, line in enumerate(lines) if "+9.0%" in line)
    assert first < second
    assert "+5.0%" not in text  # only the five farthest
