"""One HTML page without anything from elsewhere: no script, no font, no link; for phones, screens and paper."""

import html
from collections.abc import Iterable
from string import Template

COLOURS = ("#2f6fde", "#e0922f", "#3f9c6b", "#8a5fd0", "#c2557f", "#5a8f9c")
"""For versions and lines, in this order; they repeat."""
BAD_COLOUR = "#d33a2c"


def escaped(text: str) -> str:
    return html.escape(text, quote=True)


def colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def legend(entries: Iterable[tuple[str, str]]) -> str:
    """(name, colour) side by side; they wrap."""
    marks = (f'<span><i style="background:{shade}"></i>{escaped(name)}</span>' for name, shade in entries)
    return f'<p class="legend">{"".join(marks)}</p>'


def figures(rows: Iterable[tuple[str, str]]) -> str:
    """Names and values, one below the other."""
    return f"<table>{''.join(f'<tr><th>{escaped(name)}<td>{escaped(value)}' for name, value in rows)}</table>"


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """`heads` and cells are text. On a phone each row is a paragraph."""
    head = "".join(f"<th>{escaped(each)}" for each in heads)
    body = "".join("<tr>" + "".join(f"<td>{escaped(cell)}" for cell in row) for row in rows)
    return f'<div class="wide"><table><tr>{head}{body}</table></div>'


def page(title: str, verdict: str, body: str, *, passed: bool) -> str:
    """`title` and `verdict` are text, `body` is HTML."""
    return _PAGE.substitute(
        title=escaped(title), verdict=escaped(verdict), verdict_class="passed" if passed else "failed", body=body
    )


_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.3rem; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; margin: 1.5rem 0 .3rem; }
.verdict { font-weight: 600; padding: .5rem .8rem; border-radius: .4rem; color: #fff; overflow-wrap: anywhere; }
.passed { background: #23784b; }
.failed { background: #b42a1e; }
table { border-collapse: collapse; width: 100%; font-size: .95rem; }
th, td { text-align: left; vertical-align: top; padding: .25rem .6rem .25rem 0; overflow-wrap: anywhere; }
th { font-weight: 600; white-space: nowrap; }
td:first-child { white-space: nowrap; }
pre { font-size: .85rem; white-space: pre-wrap; overflow-wrap: anywhere; margin: .2rem 0 .6rem; }
svg { width: 100%; height: auto; display: block; }
svg text { font-size: 8px; fill: currentColor; }
@media (max-width: 30rem) { svg text { font-size: 11px; } }
svg .small { font-size: 7.5px; paint-order: stroke; stroke: Canvas; stroke-width: 2.5px; }
@media (max-width: 30rem) { svg .small { font-size: 10px; } }
svg .grid { stroke: currentColor; stroke-opacity: .25; stroke-width: .5; fill: none; }
.legend { margin: .3rem 0; }
.legend span { display: inline-block; margin-right: 1rem; font-size: .9rem; }
.legend i { display: inline-block; width: .8em; height: .8em; margin-right: .35em; border-radius: .15em; }
.wide { overflow-x: auto; }
.wide td { overflow-wrap: break-word; }
@media (max-width: 40rem) {
  .wide tr { display: block; border-bottom: 1px solid #7774; padding: .2rem 0; }
  .wide th { display: none; }
  .wide td { display: inline; padding: 0 .4rem 0 0; overflow-wrap: anywhere; white-space: normal; }
  .wide td:last-child { display: block; }
}
@media print {
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  body { max-width: none; padding: 0; font-size: 11pt; }
  svg, tr, li, pre { break-inside: avoid; }
  h2 { break-after: avoid; }
}
</style>
</head>
<body>
<h1>$title</h1>
<p class="verdict $verdict_class">$verdict</p>
$body
</body>
</html>
""")
