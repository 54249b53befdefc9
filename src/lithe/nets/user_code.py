"""A network that the user's own code builds, named `package.module:attribute`.

This is the one door through which lithe runs code that is not its own: importing a module
runs it. What goes wrong in there is said in one line, with the place in that code.
"""

import contextlib
import importlib
import inspect
import pkgutil
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from lithe.errors import LitheError
from lithe.nets.strict_json import one_line

EXAMPLE = "package.module:function"


def from_user_code(text: str) -> nn.Module:
    """The module that an attribute is, or that it returns when called without arguments.

    The current folder is searched first. What the code prints goes to stderr, so that it
    does not get among the results.

    Raises:
        LitheError: no such Python module or attribute (the nearest are offered), the code
            raises, needs arguments, or makes something that is no torch module.
    """
    name, _, path = text.partition(":")
    if not all(part.isidentifier() for part in (*name.split("."), *path.split("."))):
        raise LitheError(f"{text!r} names no Python object; write it like {EXAMPLE}")
    with _as_if_run_here(), contextlib.redirect_stdout(sys.stderr):
        found: Any = _module(name)
        for depth, part in enumerate(path.split(".")):
            found = _attribute(found, part, ".".join(path.split(".")[:depth]), name)
        return found if isinstance(found, nn.Module) else _called(found, text)


@contextlib.contextmanager
def _as_if_run_here() -> Iterator[None]:
    """With the current folder on the path, which a console script does not have by itself."""
    # Most of such code imports torchvision, which needs our help beside a CPU build of torch.
    with contextlib.suppress(ImportError):
        import lithe.nets.torchvision_compat  # noqa: F401
    here = str(Path.cwd())
    if here in sys.path or "" in sys.path:
        yield
        return
    sys.path.insert(0, here)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):  # that code may change the path, too
            sys.path.remove(here)


def _module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise LitheError(_raised(f"importing {name}", error)) from error
        missing, _, _ = error.name.rpartition(".")
        parent = sys.modules.get(missing) if missing else None
        if parent is not None and not hasattr(parent, "__path__"):
            raise LitheError(f"{missing} is a module and no package: no {error.name}") from None
        where = list(parent.__path__) if parent else [str(Path.cwd())]
        names = sorted({module.name for module in pkgutil.iter_modules(where)})
        searched = missing if missing else "the current folder or among the installed packages"
        asked = error.name.rpartition(".")[2]
        raise LitheError(
            f"there is no Python module {error.name!r} in {searched}{_near(asked, names)}"
        ) from None
    except (Exception, SystemExit) as error:
        raise LitheError(_raised(f"importing {name}", error)) from error


def _attribute(owner: Any, part: str, so_far: str, module: str) -> Any:
    try:
        return getattr(owner, part)
    except (Exception, SystemExit) as error:
        names = [name for name in dir(owner) if not name.startswith("_")]
        if part in dir(owner):  # a property, or a module's own __getattr__
            raise LitheError(_raised(f"{module}:{so_far or part}", error)) from error
        if isinstance(owner, ModuleType):
            own = [name for name in names if _belongs(getattr(owner, name, None), module)]
            names = own or names
        said = f"{module}:{so_far}" if so_far else module
        raise LitheError(f"{said} has no {part!r}{_near(part, names)}") from None


def _belongs(value: Any, module: str) -> bool:
    """Whether it is something that could be a network and was written in that module."""
    return isinstance(value, nn.Module) or (
        callable(value) and getattr(value, "__module__", None) == module
    )


def _called(found: Any, text: str) -> nn.Module:
    if not callable(found):
        raise LitheError(
            f"{text} is {_kind(found)}; a torch.nn.Module is wanted, or a function or class "
            "that makes one without arguments"
        )
    needed = _needed(found)
    if needed:
        raise LitheError(
            f"{text} needs arguments ({', '.join(needed)}); name a function without any, "
            "such as one that calls it with yours"
        )
    try:
        built = found()
    except (Exception, SystemExit) as error:
        raise LitheError(_raised(f"{text}()", error)) from error
    if not isinstance(built, nn.Module):
        raise LitheError(f"{text}() returns {_kind(built)}, not a torch.nn.Module")
    return built


def _needed(function: Callable[..., Any]) -> list[str]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # written in C: what it needs shows when it is called
        return []
    return [
        parameter.name
        for parameter in parameters
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]


def _kind(value: Any) -> str:
    if value is None or isinstance(value, type):
        return repr(value)
    return f"an object of type {type(value).__name__}"


def _near(asked: str, names: list[str]) -> str:
    near = get_close_matches(asked, names, n=3, cutoff=0.5)
    if near:
        return f"; did you mean {' or '.join(near)}?"
    return f"; there are {', '.join(names[:5])}" if names else ""


def _raised(doing: str, error: BaseException) -> str:
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    said = one_line(next(iter(message.strip().splitlines()), ""))
    text = f"{doing} raises {type(error).__name__}" + (f": {said}" if said else "")
    return f"{text} ({place})" if (place := _place(error)) else text


def _place(error: BaseException) -> str:
    """File and line in the user's code; the last place outside of libraries."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_short(Path(error.filename))}, line {error.lineno}"
    libraries = [Path(sysconfig.get_path(key)) for key in ("stdlib", "purelib", "platlib")]
    libraries.append(Path(__file__).parents[1])
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_absolute() and frame.filename != __file__
    ]
    own = [
        frame
        for frame in frames
        if not any(folder in Path(frame.filename).parents for folder in libraries)
    ]
    chosen = (own or frames)[-1:]
    return "".join(f"{_short(Path(frame.filename))}, line {frame.lineno}" for frame in chosen)


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if here in path.parents else path.name
