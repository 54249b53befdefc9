"""Networks that the user's own code builds."""

import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from torch import nn

from lithe.errors import LitheError
from lithe.nets.user_code import from_user_code

CODE = """
from torch import nn
print("said while importing")
class Net(nn.Module):
    def __init__(self, c=4):
        super().__init__()
        self.conv = nn.Conv2d(3, c, 3)
class Shelf:
    net = Net(7)
    @property
    def broken(self):
        raise KeyError("inside")
shelf = Shelf()
def build_net(*_, **__):
    print("said while building")
    return Net(5)
def needs(c, d, e=1, *, f): return Net(c)
def weights(): return {}
def nothing(): return None
def inner(): raise ValueError("first line\\nsecond line")
def raises():
    inner()
def leaves(): raise SystemExit(3)
def torch_raises(): return nn.Conv2d(3, 4, 3, groups=2)
number = 3
"""
NUMBERS = count()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package in the current folder, under a name that nobody imported yet."""
    name = f"users_package_{next(NUMBERS)}"
    folder = tmp_path / name
    folder.mkdir()
    files = {
        "__init__": "",
        "models": CODE,
        "boom": "x = 1\nraise RuntimeError('boom')",
        "syntax": "x = 1\ndef f(:",
        "missing": "import no_such_package_of_anyone",
        "leaves": "import sys\nsys.exit('usage: x')",
    }
    for module, text in files.items():
        (folder / f"{module}.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    yield name
    assert sys.path == before
    for module in [key for key in sys.modules if key.partition(".")[0] == name]:
        del sys.modules[module]


@pytest.mark.parametrize(
    ("attribute", "channels"), [("build_net", 5), ("Net", 4), ("shelf.net", 7), ("Shelf.net", 7)]
)
def test_a_module_a_class_a_function(
    package: str, attribute: str, channels: int, capfd: pytest.CaptureFixture[str]
) -> None:
    network = from_user_code(f"{package}.models:{attribute}")
    assert isinstance(network.conv, nn.Conv2d)
    assert network.conv.out_channels == channels
    out, err = capfd.readouterr()
    assert out == ""
    assert "said while importing" in err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{0}.model:x", "there is no Python module '{0}.model' in {0}; did you mean models?"),
        ("{0}.models.x:y", "{0}.models is a module and no package: no {0}.models.x"),
        ("no_such_package_here:x", "no Python module 'no_such_package_here' in the current folder"),
        ("{0}.models:biuld_net", "{0}.models has no 'biuld_net'; did you mean build_net?"),
        ("{0}.models:zzzzzz", "{0}.models has no 'zzzzzz'; there are Net, Shelf, build_net, "),
        ("{0}.models:shelf.nett", "{0}.models:shelf has no 'nett'; did you mean net?"),
        ("{0}.models:shelf.broken", "raises KeyError: 'inside' ({0}/models.py, line 12)"),
        ("{0}.boom:x", "importing {0}.boom raises RuntimeError: boom ({0}/boom.py, line 2)"),
        ("{0}.syntax:x", "raises SyntaxError: invalid syntax ({0}/syntax.py, line 2)"),
        ("{0}.missing:x", "No module named 'no_such_package_of_anyone' ({0}/missing.py, line 1)"),
        ("{0}.leaves:x", "raises SystemExit: usage: x ({0}/leaves.py, line 2)"),
        ("{0}.models:raises", "raises() raises ValueError: first line ({0}/models.py, line 20)"),
        ("{0}.models:torch_raises", "({0}/models.py, line 24)"),
        ("{0}.models:leaves", "leaves() raises SystemExit: 3"),
        ("{0}.models:needs", "{0}.models:needs needs arguments (c, d, f)"),
        ("{0}.models:weights", "returns an object of type dict, not a torch.nn.Module"),
        ("{0}.models:nothing", "returns None, not a torch.nn.Module"),
        ("{0}.models:number", "{0}.models:number is an object of type int"),
        ("{0}.models:", "names no Python object; write it like package.module:function"),
        ("{0}.models:net()", "names no Python object"),
    ],
)
def test_what_is_wrong_is_one_line(package: str, text: str, said: str) -> None:
    with pytest.raises(LitheError) as error:
        from_user_code(text.format(package))
    assert said.format(package) in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_an_interrupt_is_not_taken_for_an_error(package: str, tmp_path: Path) -> None:
    (tmp_path / package / "stopped.py").write_text("raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        from_user_code(f"{package}.stopped:x")
