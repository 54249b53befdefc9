"""What every page has in common: one HTML file that needs nothing else, offline and for good."""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import jinja2
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from lithe.arch.rows import shortened
from lithe.report import words

STYLES = ("offline.css",)
SCRIPTS = ("theme.js", "redraw.js")

_UNIT = re.compile(r"(?<=\d) (?=(%|[kMGT]?B|[kMGT]|[um]?s|min|h)(?![A-Za-z]))")


def offline_page(
    template: str,
    *,
    title: str,
    styles: Sequence[str],
    scripts: Sequence[str],
    data: Mapping[str, Any],
    values: Mapping[str, Any],
) -> str:
    """The HTML of one page, plotly.js, scripts and style included; about 5 MB.

    `template`, `styles` and `scripts` are names in `templates/`; the template extends
    `offline.html`. `data` is what the scripts read as `page`, JSON without NaN; `values` are
    what the template reads. Names from outside are shown as text wherever they stand; the
    page's own policy lets no script run but the ones that it came with, and loads nothing
    from anywhere.
    """
    environment = _environment()
    texts = (get_plotlyjs(), "\n".join(_source(name) for name in (*SCRIPTS, *scripts)))
    html = environment.get_template(template).render(
        title=title,
        style=Markup("\n".join(_source(name) for name in (*STYLES, *styles))),
        scripts=tuple(map(Markup, texts)),
        script_hashes=Markup(" ".join(map(_hash, texts))),
        data=data,
        quantity=lambda value, unit: joined(words.quantity(value, unit)),
        percent=lambda share: joined(words.percent(share)),
        **values,
    )
    # A file name that is no Unicode reaches us as lone surrogates, which no file can hold.
    return html.encode("utf-8", "replace").decode()


def joined(text: str) -> str:
    """The same with numbers and their units on one line."""
    return _UNIT.sub("\u00a0", text)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("lithe.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False, "allow_nan": False}
    environment.filters["limit_name"] = words.limit_name
    environment.filters["shortened"] = shortened
    return environment


def _source(name: str) -> str:
    environment = _environment()
    assert environment.loader is not None
    return environment.loader.get_source(environment, name)[0]


def _hash(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"'sha256-{digest}'"
