"""What a page is made of, as its reader's parser sees it, and texts that look like markup."""

from html.parser import HTMLParser

from hypothesis import strategies as st
from plotly.offline import get_plotlyjs

# Text in which tags, entities, template braces and ends of scripts come up by chance.
MARKUP = st.lists(
    st.sampled_from(
        ["<", ">", "</", "<b>", "script", "<!--", "&", "&lt;", '"', "'", "{{", "%}", "a", "."]
    ),
    min_size=1,
    max_size=12,
).map("".join)


class Seen(HTMLParser):
    """Tags with their attributes, text outside of scripts, and the page's data."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.data = ""
        self._script = False
        self.feed(html.replace(get_plotlyjs(), ""))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._script = tag in {"script", "style"}

    def handle_endtag(self, tag: str) -> None:
        self._script = False

    def handle_data(self, data: str) -> None:
        if not self._script:
            self.text.append(data)
        elif self.tags[-1][1].get("id") == "data":
            self.data += data
