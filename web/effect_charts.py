"""The charts of an interrupted series and of a control chart; small counts are not drawn, the others are rounded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from pertimage.audit.disclosure import SMALL, rounded
from pertimage.web.charts import ACCENT, INK, LINE, PALE, SOFT, Point, Spec, go_live_layers, instant, time_axis

if TYPE_CHECKING:
    from pertimage.audit.methods.control_chart import Chart
    from pertimage.audit.methods.funnel import Funnel
    from pertimage.audit.methods.interrupted import Interrupted
    from pertimage.audit.methods.series import Series

_WIDE, _HIGH = 640, 220
ALARM = "#855000"
_QUANTITY = "quantitative"


def interrupted(found: Interrupted, go_live: date, *, width: int = _WIDE, height: int = _HIGH) -> Spec:
    """Return what was observed (dots), what the model fits (line), what it expects without the service (dashes and band)."""
    points = found.points
    values: list[dict[str, Any]] = [
        {
            "s": instant(point.start), "o": published(point.observed), "f": point.fitted,
            "e": point.expected.value if point.expected else None, "l": point.expected.low if point.expected else None,
            "h": point.expected.high if point.expected else None,
        }
        for point in points
    ]  # fmt: skip
    top = 1.1 * max(max(one[key] or 0 for key in "ofe") for one in values) or 1.0
    span = [Point(points[0].start, None), Point(points[-1].start, None)]
    x, axis = time_axis(span), {"type": _QUANTITY, "title": None, "scale": {"domain": [0, top], "nice": False}}
    layers = [
        _layer({"type": "area", "fill": PALE, "opacity": 1, "clip": True}, x, axis, "l", "datum.e !== null"),
        _layer({"type": "line", "stroke": SOFT, "strokeDash": [5, 4], "strokeWidth": 1.6}, x, axis, "e"),
        _layer({"type": "point", "filled": True, "size": 16, "fill": INK, "opacity": 0.45}, x, axis, "o"),
        *(_layer({"type": "line", "stroke": ACCENT, "strokeWidth": 2.4}, x, axis, "f", f"datum.e {sign} null") for sign in ("===", "!==")),
    ]
    layers[0]["encoding"]["y2"] = {"field": "h"}
    return {"width": width, "height": height, "data": {"values": values}, "layer": [*layers, *go_live_layers(span, [go_live])]}


def control(series: Series, values: Sequence[float], chart: Chart) -> Spec:
    """Return a control chart: values by working day, centre and limits in force, signals as large dots."""
    signalled = {index for signal in chart.signals for index in range(signal.first, signal.last + 1)}
    drawn = [
        {"s": instant(start), "v": value, "g": index in signalled}
        for index, (start, value, count) in enumerate(zip(series.starts, values, series.counts, strict=True))
        if published(count) is not None
    ]
    limits = [
        {"s": instant(series.starts[one.first]), "e": instant(series.end(one.last)), "c": one.centre, "l": one.low, "h": one.high}
        for one in chart.limits
    ]
    top = 1.1 * max([*values, *(one.high for one in chart.limits)])
    span = [Point(series.starts[0], None), Point(series.starts[-1], None)]
    x, axis = time_axis(span), {"type": _QUANTITY, "title": None, "scale": {"domain": [0, top], "nice": False}}
    rules = [
        {"data": {"values": limits}, "mark": {"type": "rule", "stroke": SOFT, **look}, "encoding": {"x": x, "x2": {"field": "e"}, "y": axis | {"field": name}}}
        for name, look in (("c", {"strokeWidth": 1.4}), ("l", {"strokeDash": [4, 3]}), ("h", {"strokeDash": [4, 3]}))
    ]  # fmt: skip
    line = _layer({"type": "line", "stroke": LINE, "strokeWidth": 1.5}, x, axis, "v")
    dots = _layer({"type": "point", "filled": True, "size": 22, "fill": ACCENT, "opacity": 1}, x, axis, "v")
    alarms = _layer({"type": "point", "filled": True, "size": 60, "fill": ALARM, "opacity": 1}, x, axis, "v", "datum.g")
    return {"width": _WIDE, "height": 160, "data": {"values": drawn}, "layer": [*rules, line, dots, alarms]}


def between(funnel: Funnel, names: Mapping[str, str]) -> Spec:
    """Return each site as a dot on what chance alone explains at its size: 95 % thick, 99.8 % thin; dashes: the centre."""
    values = [
        {
            "n": names.get(spot.site, spot.site), "v": spot.value, "l": spot.warning[0], "h": spot.warning[1], "ll": spot.alarm[0],
            "hh": spot.alarm[1], "g": spot in funnel.outside,
        }
        for spot in funnel.spots
    ]  # fmt: skip
    y = {
        "field": "n",
        "type": "nominal",
        "sort": None,
        "title": None,
        "axis": {"labelLimit": 210, "minExtent": 190, "labelColor": INK, "grid": False},
    }
    x = {"type": _QUANTITY, "title": None, "axis": {"format": ".0%", "tickCount": 4}, "scale": {"zero": False}}
    bars = [
        {
            "mark": {"type": "rule", "stroke": LINE, "strokeWidth": width},
            "encoding": {"x": x | {"field": low}, "x2": {"field": high}, "y": y},
        }
        for low, high, width in (("ll", "hh", 3), ("l", "h", 9))
    ]
    centre = {
        "mark": {"type": "rule", "stroke": SOFT, "strokeDash": [3, 3]},
        "encoding": {"x": {"datum": funnel.target, "type": _QUANTITY}},
    }
    dots = [
        {
            "transform": [{"filter": test}], "mark": {"type": "point", "filled": True, "size": 70, "fill": colour, "opacity": 1},
            "encoding": {"x": x | {"field": "v"}, "y": y},
        }
        for test, colour in (("!datum.g", ACCENT), ("datum.g", ALARM))
    ]  # fmt: skip
    padding = {"left": 40, "top": 4, "right": 8, "bottom": 4}
    return {"width": 360, "height": {"step": 27}, "padding": padding, "data": {"values": values}, "layer": [*bars, centre, *dots]}


def published(count: int) -> int | None:
    """Return a count as it may be drawn: rounded, None from 1 to 7."""
    return None if 1 <= count <= SMALL else rounded(count)


def _layer(mark: Spec, x: Spec, y: Spec, name: str, test: str = "true") -> Spec:
    """Return a layer that draws a field where it is there and the test holds."""
    kept = [{"filter": f"datum.{name} !== null"}, {"filter": test}]
    return {"transform": kept, "mark": mark, "encoding": {"x": x, "y": y | {"field": name}}}
