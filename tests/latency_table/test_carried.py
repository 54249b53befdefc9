"""A latency table goes to another machine in a device's file."""

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from tests.device.test_file import HERE as DEVICE
from tests.latency_table.sample import HERE, network

from lithe.device import FORMAT
from lithe.device.file import load_device, save_device, to_json
from lithe.errors import LitheError
from lithe.latency_table.carried import carried, context_in, networks_in, table_for
from lithe.latency_table.values import NetworkTimes

NETWORKS = tuple(network(i, steps=4, disturbed=i == 1) for i in range(3))
TABLE = carried(HERE, NETWORKS)


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    two = carried(replace(HERE, threads=2), NETWORKS[:1])
    device = msgspec.structs.replace(DEVICE, latency=(TABLE, two))
    save_device(device, tmp_path / "phone.json")
    back = load_device(tmp_path / "phone.json")
    assert back == device
    table = table_for(back, 1)
    assert (context_in(table), networks_in(table)) == (HERE, NETWORKS)
    assert networks_in(table_for(back, 2)) == NETWORKS[:1]
    assert context_in(table_for(back, 2)).threads == 2


def test_a_step_that_networks_share_is_written_once() -> None:
    other = replace(NETWORKS[0], steps=NETWORKS[0].steps * 2)
    assert len(carried(HERE, (NETWORKS[0], other)).kernels) == 4


def test_a_file_of_the_first_format_has_no_table(tmp_path: Path) -> None:
    text = to_json(DEVICE).replace(b'"format": %d' % FORMAT, b'"format": 1')
    text = text.replace(b',\n  "latency": []', b"")
    assert b"latency" not in text
    (tmp_path / "old.json").write_bytes(text)
    device = load_device(tmp_path / "old.json")
    assert device == msgspec.structs.replace(DEVICE, format=1)
    with pytest.raises(LitheError, match="Some CPU has no latency table for 2 threads; there: "):
        table_for(device, 2)


def test_another_number_of_threads_is_said() -> None:
    device = msgspec.structs.replace(DEVICE, latency=(TABLE,))
    with pytest.raises(LitheError, match="for 4 threads, only for 1; there: lithe device"):
        table_for(device, 4)


def test_nothing_measured_is_nothing_to_take_along() -> None:
    with pytest.raises(LitheError, match="no network was measured with 1 thread"):
        carried(HERE, ())


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("steps", (0, 1, 2, 99), "4 times of 4 steps, 12 kernels"),
        ("steps", (0, 1), "4 times of 2 steps"),
        ("table", "{}", "a network that cannot be read"),
        ("table", "no JSON", "a network that cannot be read"),
    ],
)
def test_a_changed_table_is_refused(field: str, value: object, said: str) -> None:
    row = msgspec.structs.replace(TABLE.networks[0], **{field: value})
    changed = msgspec.structs.replace(TABLE, networks=(row,))
    with pytest.raises(LitheError, match=said):
        networks_in(changed)


def test_a_large_table_fits_into_a_file(tmp_path: Path) -> None:
    """As many networks as are carried, each with steps of its own."""
    features = tuple(1 / (3 + k) for k in range(24))

    def own(number: int) -> NetworkTimes:
        times = network(number, steps=30)
        steps = (
            replace(row, step=replace(row.step, kernel=f"{number}" * 15, features=features))
            for row in times.steps
        )
        return replace(times, steps=tuple(steps))

    many = [own(number) for number in range(700)]
    table = carried(HERE, many)
    assert len(table.networks) == 600
    save_device(msgspec.structs.replace(DEVICE, latency=(table,)), tmp_path / "large.json")
    back = load_device(tmp_path / "large.json")
    assert networks_in(back.latency[0]) == tuple(many[-600:])
