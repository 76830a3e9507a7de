"""MkDocs hooks: what the site needs beyond the Markdown in this folder."""

import hashlib
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from mkdocs.utils import get_relative_url

ROOT = Path(__file__).parents[1]
INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_scripts: dict[str, str] = {}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the changelog, which is kept at the root of the repository."""
    text = (ROOT / "CHANGELOG.md").read_text().replace("](docs/", "](")
    files.append(File.generated(config, "changelog.md", content=text))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Let the search find decisions after everything else."""
    if page.file.src_uri.startswith("decisions/"):
        page.meta["search"] = {"boost": 0.3}
    return markdown


def on_post_page(output: str, page: Page, **_: object) -> str:
    """Move inline scripts into files, because the content security policy forbids them."""

    def move(found: re.Match[str]) -> str:
        name = f"assets/javascripts/inline.{hashlib.sha256(found[1].encode()).hexdigest()[:8]}.js"
        _scripts[name] = found[1]
        return f'<script src="{get_relative_url(name, page.url)}"></script>'

    return INLINE_SCRIPT.sub(move, output)


def on_post_template(output_content: str, template_name: str, **_: object) -> str:
    """Leave out the theme's page for missing pages: Tally has its own."""
    return "" if template_name == "404.html" else output_content


def on_post_build(config: MkDocsConfig) -> None:
    """Write these files, and remove what only the theme's developers need."""
    site = Path(config.site_dir)
    for name, text in _scripts.items():
        (site / name).write_text(text)
    for source_map in site.rglob("*.map"):
        source_map.unlink()
