"""The charts of the evaluation: Vega-Lite specifications written by hand, drawn as SVG on the server.

Colours are those of the style sheet; each drawing carries the rule that changes them in the dark. Nothing is fetched.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import Any

import vl_convert

from pertimage.cds.model import Outcome

Spec = dict[str, Any]

INK, SOFT, LINE, ACCENT, PALE, SURFACE = "#12262b", "#4a5e63", "#d5dfdf", "#0d6470", "#ddeff0", "#ffffff"
COLOURS = {
    Outcome.NO_GUIDANCE: SOFT, Outcome.APPROPRIATE: "#1c6b41", Outcome.ALTERNATIVE: "#855000", Outcome.NOT_INDICATED: "#78366a",
    Outcome.INCOMPLETE: "#29568f",
}  # fmt: skip
_DARK = {
    INK: "#e6eeee", SOFT: "#a6b7ba", LINE: "#2b3a3e", ACCENT: "#7accd5", PALE: "#14373c", SURFACE: "#162124",
    "#1c6b41": "#86d8a5", "#855000": "#f0bf6c", "#78366a": "#e5a8d6", "#29568f": "#9cc3f5",
}  # fmt: skip
# Liberation Sans is in the renderer and has the widths of Arial and Helvetica, which the reader's machine has.
_FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
_WIDTH, _HEIGHT = 340, 132
_SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
_ROOT = re.compile(r"<svg ")


@dataclass(frozen=True, slots=True)
class Point:
    """The value of one week; None when there is none to show. ``high`` is a second value above it (P90)."""

    week: date
    value: float | None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a forest plot: a difference with its interval."""

    label: str
    difference: float
    low: float
    high: float


def svg(spec: Spec, description: str, *, fictitious: bool = False, dark: bool = True) -> bytes:
    """Draw a specification; ``description`` says in French what the drawing shows; with ``dark`` it follows the reader's colours."""
    drawn = vl_convert.vegalite_to_svg(_whole(spec, fictitious), format_locale="fr-FR", time_format_locale="fr-FR", allowed_base_urls=[])
    root = f'<svg role="img" aria-label="{escape(description, quote=True)}" '
    head, mark, body = _ROOT.sub(root, drawn, count=1).partition(">")
    return f"{head}{mark}{f'<style>{_DARK_RULE}</style>' if dark else ''}{body}".encode()


def png(spec: Spec, *, scale: float = 3.0) -> bytes:
    """Draw a specification as an image of points, on white; ``scale`` is in points per unit of the drawing."""
    whole = _whole(spec, fictitious=False) | {"background": SURFACE}
    return vl_convert.vegalite_to_png(whole, scale=scale, format_locale="fr-FR", time_format_locale="fr-FR", allowed_base_urls=[])


def _whole(spec: Spec, fictitious: bool) -> Spec:
    caption = {"title": {"text": "Données fictives", "orient": "bottom", "anchor": "end", "fontSize": 10}} if fictitious else {}
    return {"$schema": _SCHEMA, "background": None, "padding": 4, "config": _CONFIG} | caption | spec


Means = tuple[float | None, float | None]


def trend(points: Sequence[Point], go_lives: Sequence[date], *, means: Means = (None, None), percent: bool = False) -> Spec:
    """Return weekly values as a line, with the go-live dates and, when given, the mean of each side of a single one."""
    values = [{"s": instant(point.week), "v": point.value} for point in points]
    y = _height("v", 1.0 if percent else _highest(points))
    if percent:
        y["axis"] = {"format": ".0%", "tickCount": 3}
    mark = {"type": "line", "stroke": ACCENT, "strokeWidth": 1.3, "opacity": 0.6}
    line = {"data": {"values": values}, "mark": mark, "encoding": {"x": time_axis(points), "y": y}}
    return _sized([*go_live_layers(points, go_lives), line, *_mean_layers(points, go_lives, means)])


def waits(points: Sequence[Point], go_lives: Sequence[date]) -> Spec:
    """Return the weekly median wait as a line, and the span up to its ninth decile as a band; in days."""
    values = [{"s": instant(point.week), "v": point.value, "h": point.high} for point in points]
    x, y = time_axis(points), _height("v", _highest(points))
    band = {"mark": {"type": "area", "fill": PALE, "opacity": 1}, "encoding": {"x": x, "y": y, "y2": {"field": "h"}}}
    top = {"mark": {"type": "line", "stroke": ACCENT, "strokeWidth": 0.8, "opacity": 0.55}, "encoding": {"x": x, "y": y | {"field": "h"}}}
    line = {"mark": {"type": "line", "stroke": ACCENT, "strokeWidth": 2}, "encoding": {"x": x, "y": y}}
    return _sized([{"data": {"values": values}, "layer": [band, top, line]}, *go_live_layers(points, go_lives)])


def _highest(points: Sequence[Point]) -> float:
    """Return the top of the scale: a little above the highest value, so that words fit there."""
    return max((value for point in points for value in (point.value, point.high) if value is not None), default=1.0) * 1.15


def _height(field: str, top: float) -> Spec:
    return {"field": field, "type": "quantitative", "title": None, "scale": {"domain": [0, top], "nice": False}}


def outcomes(shares: Mapping[Outcome, float]) -> Spec:
    """Return the shares (0 to 1) of each advice as one bar, « hors référentiel » first; the words are in the table beside it."""
    order = list(COLOURS)
    values = [{"a": outcome.value, "p": share, "o": order.index(outcome)} for outcome, share in shares.items()]
    colours = {"domain": [outcome.value for outcome in order], "range": list(COLOURS.values())}
    axis, whole = {"format": ".0%", "grid": False, "tickCount": 5}, {"domain": [0, 1], "nice": False}
    encoding = {
        "x": {"field": "p", "type": "quantitative", "stack": "zero", "title": None, "scale": whole, "axis": axis},
        "color": {"field": "a", "type": "nominal", "scale": colours, "legend": None},
        "order": {"field": "o", "type": "quantitative"},
    }  # fmt: skip
    bar = {"type": "bar", "height": 40, "stroke": SURFACE, "strokeWidth": 2}
    return {"width": _WIDTH + 60, "height": 44, "data": {"values": values}, "mark": bar, "encoding": encoding}


def forest(rows: Sequence[Row], *, percent: bool = False) -> Spec:
    """Return differences with their 95 % intervals, one line each, around zero."""
    values = [{"n": row.label, "d": row.difference, "l": row.low, "h": row.high} for row in rows]
    names = {"labelLimit": 210, "minExtent": 190, "labelColor": INK, "labelFontSize": 11.5, "labelPadding": 10, "grid": False}
    y = {"field": "n", "type": "nominal", "sort": None, "title": None, "axis": names}
    said = "format(datum.value, '.0%')" if percent else "format(datum.value, '+')"
    axis = {"labelExpr": f"datum.value == 0 ? '0' : {said}", "tickCount": 3}
    x = {"field": "l", "type": "quantitative", "title": None, "axis": axis}
    zero = {"mark": {"type": "rule", "stroke": SOFT, "strokeDash": [3, 3]}, "encoding": {"x": {"datum": 0, "type": "quantitative"}}}
    span = {"mark": {"type": "rule", "stroke": ACCENT, "strokeWidth": 2}, "encoding": {"x": x, "x2": {"field": "h"}, "y": y}}
    point = {"type": "point", "filled": True, "size": 64, "fill": ACCENT, "opacity": 1}
    dot = {"mark": point, "encoding": {"x": x | {"field": "d"}, "y": y}}
    return {
        "width": 230,
        "height": {"step": 27},
        "padding": {"left": 40, "top": 4, "right": 8, "bottom": 4},
        "data": {"values": values},
        "layer": [zero, span, dot],
    }


def _sized(layers: list[Spec]) -> Spec:
    return {"width": _WIDTH, "height": _HEIGHT, "layer": layers}


def instant(day: date) -> str:
    """Return a day as the drawings read it."""
    return f"{day.isoformat()}T00:00:00"  # with an hour, it is read in local time, like the axis


def time_axis(points: Sequence[Point]) -> Spec:
    """Return the horizontal axis from the first to the last of the points."""
    ends = [instant(points[0].week), instant(points[-1].week)] if points else []
    axis = {"format": "%b %y", "tickCount": {"interval": "month", "step": 3}, "grid": False, "labelFlush": True}
    return {"field": "s", "type": "temporal", "title": None, "scale": {"domain": ends, "nice": False}, "axis": axis}


def go_live_layers(points: Sequence[Point], go_lives: Sequence[date]) -> list[Spec]:
    """Return the go-lives that lie among the points, as dashed lines with their name."""
    inside = sorted(day for day in go_lives if points and points[0].week <= day <= points[-1].week)
    if not inside:
        return []
    x = {**time_axis(points), "field": "d"}
    rule = {
        "data": {"values": [{"d": instant(day)} for day in inside]},
        "mark": {"type": "rule", "stroke": INK, "strokeDash": [4, 3], "strokeWidth": 1.2 if len(inside) == 1 else 0.8},
        "encoding": {"x": x},
    }
    words = "mise en service" if len(inside) == 1 else "mises en service"
    label = {
        "data": {"values": [{"d": instant(inside[-1]), "t": words}]},
        "mark": {"type": "text", "align": "left", "dx": 5, "y": 6, "fontSize": 10.5, "fill": SOFT},
        "encoding": {"x": x, "text": {"field": "t"}},
    }
    return [rule, label]


def _mean_layers(points: Sequence[Point], go_lives: Sequence[date], means: Means) -> list[Spec]:
    """Return the mean of each side as a thick segment, when there is one go-live date."""
    if len(go_lives) != 1 or not points:
        return []
    sides = ((points[0].week, go_lives[0], means[0]), (go_lives[0], points[-1].week, means[1]))
    values = [{"d": instant(start), "e": instant(end), "m": mean} for start, end, mean in sides if mean is not None]
    x = {**time_axis(points), "field": "d"}
    mark = {"type": "rule", "stroke": ACCENT, "strokeWidth": 3, "strokeCap": "butt"}
    return [
        {"data": {"values": values}, "mark": mark, "encoding": {"x": x, "x2": {"field": "e"}, "y": {"field": "m", "type": "quantitative"}}}
    ]


def _dark_rule() -> str:
    both = "".join(f'[{kind}="{light}"]{{{kind}:{dark}}}' for light, dark in _DARK.items() for kind in ("fill", "stroke"))
    return f"@media (prefers-color-scheme:dark){{{both}}}"


_DARK_RULE = _dark_rule()
_CONFIG: Spec = {
    "aria": False,
    "font": _FONT,
    "view": {"stroke": None},
    "axis": {
        "labelColor": SOFT, "labelFontSize": 11, "gridColor": LINE, "tickCount": 4, "domain": False, "ticks": False, "labelPadding": 6,
    },
    "title": {"color": SOFT, "fontWeight": "normal"},
}  # fmt: skip
