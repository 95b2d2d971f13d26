# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures as an SVG drawing, by the standard library alone: panels of lines and of bars.

A filter has the same colour everywhere (Okabe and Ito's, which the colour-blind can tell
apart) and its name at the end of its line. Both scales of a panel of lines are what they
say: sizes stand side by side, nanoseconds are logarithmic, and what is under 1 stands at 1.
"""
import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT, COLUMNS = 560, 360, 2
LEFT, RIGHT, TOP, BOTTOM = 58, 130, 46, 46
COLOURS = {"sumun": "#d55e00", "sumun bans": "#e69f00", "BPF LPM trie": "#0072b2",
           "BPF hash": "#56b4e9", "nft interval": "#009e73", "nft hash": "#009e73",
           "nft meter": "#009e73", "ipset hash:net": "#cc79a7", "ipset hash:ip": "#cc79a7",
           "hashlimit": "#cc79a7", "xdp-filter": "#000000"}
STYLE = """<style>
text { font: 12px sans-serif; fill: #222 } .title { font-size: 14px; font-weight: bold }
.sub { font-size: 11px; fill: #666 } .grid { stroke: #ddd } .axis { stroke: #888 }
</style>"""


def text(x, y, words, anchor="start", kind="", colour=""):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
            f'{f" class={chr(34)}{kind}{chr(34)}" if kind else ""}'
            f'{f" style={chr(34)}fill:{colour}{chr(34)}" if colour else ""}>{escape(words)}</text>')


def line(x1, y1, x2, y2, kind):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def short(number):
    for unit, name in ((10**6, "M"), (10**3, "k")):
        if number >= unit:
            return f"{number / unit:g}{name}"
    return f"{number:g}"


def apart(ends, space=13):
    """Heights for labels that would like to stand at `ends`, so that none covers another."""
    placed, lowest = {}, -math.inf
    for name, y in sorted(ends.items(), key=lambda item: item[1]):
        lowest = max(y, lowest + space)
        placed[name] = lowest
    return placed


def frame(title, subtitle):
    return [text(LEFT, 18, title, kind="title"), text(LEFT, 34, subtitle, kind="sub")]


def lines_panel(title, subtitle, sizes, series):
    """`series`: by name, a list as long as `sizes`, None where there is no figure."""
    values = [value for figures in series.values() for value in figures if value is not None]
    decades = max(1, math.ceil(math.log10(max([10, *values]))))
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM

    def at_x(index):
        return LEFT + (right - LEFT) * (index + 0.3) / (len(sizes) - 0.4)

    def at_y(value):
        return bottom - (bottom - TOP) * math.log10(max(1, value)) / decades

    out = frame(title, subtitle)
    for decade in range(decades + 1):
        out += [line(LEFT, at_y(10**decade), right, at_y(10**decade), "grid"),
                text(LEFT - 6, at_y(10**decade) + 4, short(10**decade), "end")]
    out.append(line(LEFT, bottom, right, bottom, "axis"))
    out += [text(at_x(i), bottom + 18, short(size), "middle") for i, size in enumerate(sizes)]
    ends = {}
    for name, figures in series.items():
        points = [(at_x(i), at_y(value)) for i, value in enumerate(figures) if value is not None]
        if not points:
            continue
        colour, thick = COLOURS.get(name, "#999"), 3 if name.startswith("sumun") else 1.6
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" '
                   f'stroke-width="{thick}"/>')
        out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
        ends[name] = points[-1][1]
    last = {name: [value for value in series[name] if value is not None][-1] for name in ends}
    out += [text(right + 6, y + 4, f"{name} {last[name]:.0f}", colour=COLOURS.get(name, "#666"))
            for name, y in apart(ends).items()]
    return out


def bars_panel(title, subtitle, bars):
    """`bars`: (label, value, colour, or a heading when the value is None) from top to bottom."""
    out, label = frame(title, subtitle), 190
    most = max([1, *(value for _, value, _ in bars if value is not None)])
    step = min(20, (HEIGHT - TOP - 24) / max(1, len(bars)))
    for i, (name, value, colour) in enumerate(bars):
        y = TOP + i * step
        if value is None:
            out.append(text(LEFT - 40, y + step * 0.7, name, kind="sub"))
            continue
        width = (WIDTH - label - 80) * value / most
        out += [text(label - 6, y + step * 0.7, name, "end"),
                f'<rect x="{label}" y="{y + 2:.1f}" width="{max(1, width):.1f}" '
                f'height="{step - 4:.1f}" fill="{colour}"/>',
                text(label + width + 5, y + step * 0.7, f"{value:,.0f}")]
    return out


def drawing(panels):
    rows = math.ceil(len(panels) / COLUMNS)
    width, height = WIDTH * COLUMNS, HEIGHT * rows
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
           f'viewBox="0 0 {width} {height}">', STYLE,
           f'<rect width="{width}" height="{height}" fill="white"/>']
    for i, panel in enumerate(panels):
        x, y = i % COLUMNS * WIDTH, i // COLUMNS * HEIGHT
        out += [f'<g transform="translate({x},{y})">', *panel, "</g>"]
    return "\n".join([*out, "</svg>", ""])
