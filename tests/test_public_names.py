"""What `import lithe` offers, and what it costs."""

import subprocess
import sys

import lithe


def test_public_names_are_sorted_and_there() -> None:
    assert list(lithe.__all__) == sorted(lithe.__all__)
    assert set(lithe.__all__) == lithe._HOME.keys()
    assert set(lithe.__all__) <= set(dir(lithe))
    for name in lithe.__all__:
        assert getattr(lithe, name).__name__ == name


def test_import_and_help_load_nothing_heavy() -> None:
    code = (
        "import sys, lithe; from lithe.cli import cli; "
        "cli.main(['--help'], standalone_mode=False); "
        "print(*sorted({'torch', 'numpy', 'llvmlite', 'plotly', 'rich'} & sys.modules.keys()))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == ""
