"""Networks side by side as JSON and CSV."""

import csv
import io
import json

from tests.report.compare_sample import side_by_side, unknown_side_by_side

from lithe.report.compare_values import compare_csv, compare_values
from lithe.report.quantities import QUANTITIES


def test_every_network_is_there_in_order_and_refused_ones_say_why() -> None:
    compared = side_by_side()
    values = json.loads(json.dumps(compare_values(compared), allow_nan=False))
    assert values["format"] == 1
    assert [each["name"] for each in values["networks"]] == [row.name for row in compared.rows]
    assert values["networks"][2] == {
        "name": "timm:vit_tiny",
        "refused": compared.refused[0].reason,
    }
    first, second = values["networks"][0], values["networks"][1]
    assert values["to"] == first["name"]
    assert set(first["times"].values()) == {1.0}
    assert second["times"]["macs"] == second["macs"] / first["macs"]
    assert second["flops"] == 2 * second["macs"]
    assert second["lithe_s"] == second["latencies"]["lithe"]["p50_s"]
    assert second["latencies"]["eager"]["runs"] == 64
    assert sum(kind["macs"] for kind in second["by_kind"].values()) == second["macs"]


def test_disagreements_are_those_of_the_numbers() -> None:
    values = compare_values(side_by_side())
    by_name = {each["name"]: each for each in values["networks"]}
    assert values["disagreements"]
    for each in values["disagreements"]:
        less, more = by_name[each["less"]], by_name[each["more"]]
        assert less[each["first"]] < more[each["first"]]
        assert less[each["second"]] > more[each["second"]]
        assert each["second_times"] == less[each["second"]] / more[each["second"]]


def test_a_lower_bound_has_no_multiples() -> None:
    bound = compare_values(unknown_side_by_side())["networks"][1]
    assert bound["at_least"]
    assert bound["unknown"] == ["aten.grid_sampler_2d", "custom::swish_norm"]
    assert bound["times"]["macs"] is None
    assert bound["times"]["eager_s"] is not None
    assert bound["lithe_s"] is None


def test_csv_says_what_json_says() -> None:
    for compared in (side_by_side(), unknown_side_by_side()):
        networks = compare_values(compared)["networks"]
        lines = list(csv.DictReader(io.StringIO(compare_csv(compared))))
        assert [line["network"] for line in lines] == [each["name"] for each in networks]
        for line, network in zip(lines, networks, strict=True):
            assert None not in line
            if "refused" in network:
                assert line["refused"] == network["refused"]
                continue
            for each in QUANTITIES:
                value, ratio = network[each.key], network["times"][each.key]
                assert line[each.key] == ("" if value is None else str(value))
                assert line[f"{each.key}_times"] == ("" if ratio is None else str(ratio))
            assert line["at_least"] == ("yes" if network["at_least"] else "no")
