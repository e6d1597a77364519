"""A web page as Markdown: what a reader sees of it, with its headings and its code."""

from __future__ import annotations

import re
from html.parser import HTMLParser


def markdown(text: str) -> str:
    """Return the text of a page in Markdown; broken markup is read as a browser would, never refused."""
    page = _Page()
    page.feed(text)
    page.close()
    return "".join(page.parts)


class _Page(HTMLParser):
    """Collects what a reader of a page sees, as Markdown with its headings and code."""

    BLOCKS = frozenset({"p", "div", "section", "article", "ul", "ol", "table", "tr", "blockquote", "br"})
    SILENT = frozenset({"script", "style", "template", "noscript", "svg"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.silent = 0
        self.code = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self.SILENT:
            self.silent += 1
        elif re.fullmatch(r"h[1-6]", tag):
            self.parts.append("\n\n" + "#" * int(tag[1]) + " ")
        elif tag == "pre":
            self.code = True
            self.parts.append("\n\n```\n")
        elif tag == "li":
            self.parts.append("\n- ")
        elif tag in self.BLOCKS:
            self.parts.append("\n\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self.SILENT:
            self.silent = max(0, self.silent - 1)
        elif tag == "pre" and self.code:
            self.code = False
            self.parts.append("\n```\n\n")
        elif re.fullmatch(r"h[1-6]", tag) or tag in self.BLOCKS:
            self.parts.append("\n\n")

    def handle_data(self, data: str) -> None:
        if self.silent:
            return
        if self.code:
            self.parts.append(data)
            return
        words = re.sub(r"\s+", " ", data)
        fresh = not self.parts or self.parts[-1].endswith("\n")
        self.parts.append(words.lstrip() if fresh else words)
