"""Plots as SVG, with nothing but Python's own library."""
from __future__ import annotations

import html
import math

COLOURS = ["#3b6fb6", "#d1772b", "#4c9a5b", "#b8433f", "#8566a8", "#7d6250", "#c46aa5", "#777777"]
STYLE = "font-family:sans-serif;font-size:12px"


def text(x: float, y: float, words: str, anchor: str = "start", extra: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {extra}>{html.escape(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, colour: str = "#333", width: float = 1, extra: str = "") -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{width}" {extra}/>'


def picture(width: float, height: float, title: str, parts: list[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" style="{STYLE}"><rect width="100%" height="100%" fill="white"/>'
    return "\n".join([head, text(12, 22, title, extra='font-weight="bold"'), *parts, "</svg>"]) + "\n"


def round_step(largest: float, steps: int) -> float:
    """1, 2 or 5 times a power of ten, at most `steps` of which reach `largest`."""
    power = 10 ** math.floor(math.log10(largest / steps))
    return next(power * k for k in (1, 2, 5, 10) if power * k * steps >= largest)


def bars(title: str, unit: str, groups: dict[str, dict[str, tuple[float, float]]]) -> str:
    """Groups of bars, {group: {label: (minimum, median)}}: a bar ends at the median, the whisker goes back to the minimum."""
    left, wide, step = 190, 470, 20
    largest = max(median for group in groups.values() for _, median in group.values())
    scale, tick = wide / largest, round_step(largest, 6)
    labels = sorted({label for group in groups.values() for label in group})
    parts, y = [], 44.0
    bottom = y + sum(step * (len(group) + 1.6) for group in groups.values())
    for k in range(int(largest / tick) + 1):
        parts += [line(left + k * tick * scale, y, left + k * tick * scale, bottom, "#ddd"), text(left + k * tick * scale, bottom + 16, f"{k * tick:g}", "middle")]
    parts.append(text(left + wide, bottom + 34, unit, "end"))
    for group, rows in groups.items():
        parts.append(text(12, y + 14, group, extra='font-style="italic"'))
        y += step
        for label, (low, median) in rows.items():
            colour, end, middle = COLOURS[labels.index(label) % len(COLOURS)], left + median * scale, y + step / 2
            parts += [text(left - 8, middle + 4, label, "end"),
                      f'<rect x="{left}" y="{y + 3:.1f}" width="{median * scale:.1f}" height="{step - 6}" fill="{colour}"/>',
                      line(left + low * scale, middle, end, middle, "#000", 1.5), line(left + low * scale, middle - 4, left + low * scale, middle + 4, "#000", 1.5),
                      text(end + 6, middle + 4, f"{median:.4g}")]
            y += step
        y += 0.6 * step
    return picture(left + wide + 80, bottom + 46, title, parts)


def roofline(title: str, peak: float, bandwidth: float, points: dict[str, list[tuple[float, float, float]]]) -> str:
    """Points (FLOP/byte, GFLOP/s, share of all time) by kind below the roof; areas are shares of the time."""
    left, top, wide, high = 64, 44, 600, 380
    every = [p for kind in points.values() for p in kind]
    x0, x1 = (f(math.log10(p[0]) for p in every) for f in (min, max))
    x0, x1 = math.floor(x0), math.ceil(x1)
    y0 = math.floor(math.log10(min(p[1] for p in every)))
    y1 = math.log10(1.3 * max(peak, *(p[1] for p in every)))

    def at(flop_per_byte: float, gflops: float) -> tuple[float, float]:
        return left + (math.log10(flop_per_byte) - x0) / (x1 - x0) * wide, top + (y1 - math.log10(gflops)) / (y1 - y0) * high

    parts = []
    for k in range(x0, x1 + 1):
        x = at(10.0 ** k, 1)[0]
        parts += [line(x, top, x, top + high, "#ddd"), text(x, top + high + 16, f"{10.0 ** k:g}", "middle")]
    for k in range(y0, math.floor(y1) + 1):
        y = at(1, 10.0 ** k)[1]
        parts += [line(left, y, left + wide, y, "#ddd"), text(left - 6, y + 4, f"{10.0 ** k:g}", "end")]
    low = max(10.0 ** x0, 10.0 ** y0 / bandwidth)
    (xa, ya), (xr, yr), (xb, yb) = at(low, low * bandwidth), at(peak / bandwidth, peak), at(10.0 ** x1, peak)
    parts += [line(xa, ya, xr, yr, "#000", 2), line(xr, yr, xb, yb, "#000", 2), text(xb, yb - 6, f"peak {peak:.0f} GFLOP/s", "end"),
              text(xa + 26, ya - 6, f"memory {bandwidth:.0f} GB/s"),
              text(left + wide, top + high + 34, "FLOP/byte", "end"), text(12, top - 6, "GFLOP/s")]
    for i, (kind, rows) in enumerate(points.items()):
        colour = COLOURS[i % len(COLOURS)]
        for flop_per_byte, gflops, share in rows:
            x, y = at(flop_per_byte, gflops)
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{2 + 30 * math.sqrt(share):.1f}" fill="{colour}" fill-opacity="0.45" stroke="{colour}"/>')
        parts += [f'<circle cx="{left + wide + 22}" cy="{top + 12 + 20 * i}" r="6" fill="{colour}"/>', text(left + wide + 34, top + 16 + 20 * i, kind)]
    return picture(left + wide + 210, top + high + 46, title, parts)
