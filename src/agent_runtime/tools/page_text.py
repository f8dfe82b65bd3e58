"""`python -m agent_runtime.tools.page_text FORM CHARSET URL`: the text of a page on standard input, as JSON.

It runs as a process of its own because what it reads was made by anybody: a page that needs too much memory or time, or
that breaks a parser, ends this process and nothing else.
"""

import io
import json
import resource
import sys

TEXT_CHARACTERS = 1_000_000
PDF_PAGES = 300
_MEMORY_BYTES = 1_500_000_000
_CPU_SECONDS = 25


def extract(form: str, data: bytes, charset: str, url: str) -> dict[str, object]:
    """Title, text, and whether there was more."""
    title, text, more = {"html": _html, "pdf": _pdf, "text": _plain}[form](data, charset, url)
    shown = "".join(each for each in text[:TEXT_CHARACTERS] if each.isprintable() or each in "\n\t")
    return {"title": " ".join(title.split())[:300], "text": shown, "truncated": more or len(text) > TEXT_CHARACTERS}


def _plain(data: bytes, charset: str, _url: str) -> tuple[str, str, bool]:
    return "", _decoded(data, charset), False


def _html(data: bytes, charset: str, url: str) -> tuple[str, str, bool]:
    import trafilatura

    page = trafilatura.load_html(_decoded(data, charset))
    if page is None:
        return "", "", False
    text = trafilatura.extract(page, url=url, output_format="markdown", include_tables=True, include_links=True)
    if not text:
        text = "\n".join(line.strip() for line in page.text_content().splitlines() if line.strip())
    title = page.findtext(".//title") or ""
    return title, text, False


def _pdf(data: bytes, _charset: str, _url: str) -> tuple[str, str, bool]:
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(data))
    title = str((reader.metadata.title if reader.metadata else None) or "")
    pages: list[str] = []
    size = 0
    for page in reader.pages[:PDF_PAGES]:
        pages.append(page.extract_text())
        size += len(pages[-1])
        if size > TEXT_CHARACTERS:
            return title, "\n\n".join(pages), True
    return title, "\n\n".join(pages), len(reader.pages) > PDF_PAGES


def _decoded(data: bytes, charset: str) -> str:
    try:
        return data.decode(charset, "replace")
    except LookupError:
        return data.decode("utf-8", "replace")


def main() -> int:
    """Read, extract, write."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    form, charset, url = sys.argv[1:4]
    sys.stdout.write(json.dumps(extract(form, sys.stdin.buffer.read(), charset, url)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
