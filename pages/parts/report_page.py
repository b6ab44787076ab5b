"""The frame of a report: one HTML file with its style, its scripts and Plotly inside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import plotly.graph_objects as go
import plotly.offline

_STYLE = """
:root { color-scheme: light dark; --ground: #fff; --ink: #0e1620; --soft: #4a5563;
  --line: #dde2e9; --card: #f5f7f9; --accent: #1f5fd1; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #0f141a; --ink: #e6ebf1; --soft: #a7b1bd; --line: #2b3541;
    --card: #171e26; --accent: #8ab8ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1100px; padding: 24px; background: var(--ground);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 26px; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 19px; margin: 36px 0 8px; }
.soft { color: var(--soft); }
.verdict { font-size: 17px; font-weight: 600; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(200px, 1fr));
  gap: 12px; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  padding: 12px 16px; }
.tile b { display: block; font-size: 21px; }
.scroll { overflow: auto; max-height: 640px; border: 1px solid var(--line);
  border-radius: 8px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
td:last-child { min-width: 180px; overflow-wrap: anywhere; }
th, td { padding: 5px 10px; text-align: left; border-bottom: 1px solid var(--line); }
td.number { text-align: right; white-space: nowrap; }
thead th { position: sticky; top: 0; background: var(--card); white-space: nowrap; }
th button { all: unset; cursor: pointer; color: var(--accent); }
th button:focus-visible { outline: 2px solid var(--accent); }
th[aria-sort="ascending"] button::after { content: " ↑"; }
th[aria-sort="descending"] button::after { content: " ↓"; }
@media print { .scroll { max-height: none; } }
"""

_SCRIPT = """
const dark = matchMedia("(prefers-color-scheme: dark)");
function draw() {
  const style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(name).trim();
  for (const place of document.querySelectorAll("[data-chart]")) {
    const chart = JSON.parse(document.getElementById(place.dataset.chart).textContent);
    const layout = chart.layout;
    Object.assign(layout, { paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: color("--ink"), family: "system-ui, sans-serif" } });
    for (const axis of ["xaxis", "yaxis"])
      layout[axis] = { ...layout[axis], gridcolor: color("--line"),
        zerolinecolor: color("--line"), linecolor: color("--line") };
    Plotly.react(place, chart.data, layout, { responsive: true, displaylogo: false });
  }
}
dark.addEventListener("change", draw);
draw();
for (const button of document.querySelectorAll("th button"))
  button.addEventListener("click", () => {
    const head = button.parentElement, table = head.closest("table");
    const column = [...head.parentElement.children].indexOf(head);
    const up = head.getAttribute("aria-sort") !== "ascending";
    const value = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
    const rows = [...table.tBodies[0].rows];
    const compare = (a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === "" || y === "") return (x === "") - (y === "");
      const both = x - y;
      return (up ? 1 : -1) * (Number.isNaN(both) ? x.localeCompare(y) : both);
    };
    table.tBodies[0].append(...rows.sort(compare));
    for (const other of head.parentElement.children) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
  });
"""


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Attributes
    ----------
    text : str
        As it is read.
    value : float or None
        What rows are sorted by; None sorts by the text.
    """

    text: str
    value: float | None = None


def table(heads: Sequence[str], rows: Sequence[Sequence[Cell]], *, sortable: bool) -> str:
    """Write a table; every cell is text, never markup."""
    wrapped = (f"<button>{escape(h)}</button>" if sortable else escape(h) for h in heads)
    head = "".join(f'<th scope="col">{cell}</th>' for cell in wrapped)
    body = "\n".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>\n'
        + f"<tbody>{body}</tbody></table></div>"
    )


def _cell(cell: Cell) -> str:
    if cell.value is None:
        return f"<td>{escape(cell.text)}</td>"
    return f'<td class="number" data-value="{cell.value!r}">{escape(cell.text)}</td>'


def chart(figure: go.Figure, name: str, height: int) -> str:
    """Write a figure; the script of the page draws it in the colours of the reader's system."""
    figure.update_layout(template="none", height=height)
    data = figure.to_json().replace("<", "\\u003c")
    return (
        f'<div data-chart="{name}" style="height: {height}px"></div>\n'
        + f'<script type="application/json" id="{name}">{data}</script>'
    )


def paragraph(text: str, kind: str = "") -> str:
    """Write a sentence, or several."""
    attribute = f' class="{kind}"' if kind else ""
    return f"<p{attribute}>{escape(text)}</p>"


def section(title: str, *parts: str) -> str:
    """Write a part of the report under its title."""
    return "\n".join([f"<h2>{escape(title)}</h2>", *parts])


def page(title: str, parts: Sequence[str]) -> str:
    """Put parts into one file that needs nothing else."""
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            '<head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>",
            f"<style>{_STYLE}</style>",
            f"<script>{plotly.offline.get_plotlyjs()}</script></head>",
            "<body>",
            *parts,
            f"<script>{_SCRIPT}</script>",
            "</body></html>",
        ]
    )
