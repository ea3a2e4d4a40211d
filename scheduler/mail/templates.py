"""templates/mail/<kind>/{subject.txt,body.txt,body.html} -> three texts in one language."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from scheduler.languages import Language
from scheduler.mail.views import View
from scheduler.model.notices import Kind
from scheduler.shipped import shipped


@dataclass(frozen=True)
class Texts:
    """The words of one mail; what is personal stands as marks in them."""

    subject: str
    plain: str
    html: str


def render(kind: Kind, view: View, language: Language) -> Texts:
    """The three texts. A name that a template uses and the view does not have is an error."""
    environment = _environment(language)
    subject, plain, html = (
        environment.get_template(f"mail/{kind.value}/{part}").render(view=view, language=language)
        for part in ("subject.txt", "body.txt", "body.html")
    )
    lines = (line.strip(" ") for line in subject.split("\n"))
    return Texts(" ".join(filter(None, lines)), plain.strip() + "\n", html.strip() + "\n")


@lru_cache(maxsize=16)
def _environment(language: Language) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(shipped("templates")),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.install_gettext_translations(language.translations, newstyle=True)  # type: ignore[attr-defined]
    return environment
