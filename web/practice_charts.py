"""The drawings of the practice report: a funnel plot of peers without names, and a share month by month with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pertimage.audit.intervals import ALARM, WARNING, Share, funnel
from pertimage.audit.practice import Practice
from pertimage.web.charts import ACCENT, INK, LINE, SOFT, Spec
from pertimage.web.practice import LEAST_REQUESTS, Compared

_STEPS = 60
_WIDTH, _HEIGHT = 340, 190
_SHARE = {"format": ".0%", "tickCount": 5}


@dataclass(frozen=True, slots=True)
class MonthShare:
    """A month (``2026-10``) and a share with enough cases to be shown; None when there are too few."""

    month: str
    share: Share | None


def month_shares(months: Mapping[str, Practice], name: str) -> list[MonthShare]:
    """Return ``complete`` or ``appropriate`` month by month."""
    shares = {month: getattr(one, name) for month, one in months.items()}
    return [MonthShare(month, share if share.whole >= LEAST_REQUESTS else None) for month, share in shares.items()]


def funnel_plot(found: Compared) -> Spec:
    """Return the funnel: each peer is a ring, the reader a disc, around the limits of chance; needs peers."""
    if found.peers is None:
        raise ValueError("a funnel needs peers")
    target, points = found.peers.part / found.peers.whole, [*found.points, *filter(None, [found.own])]
    top = round(max(one.whole for one in points) * 1.08) + 1
    lines = [_limits(target, top, level, dash) for level, dash in ((WARNING, [1, 0]), (ALARM, [5, 3]))]
    middle = {"mark": {"type": "rule", "stroke": SOFT, "strokeDash": [2, 3]}, "encoding": {"y": {"datum": target, "type": "quantitative"}}}
    peers = _dots(found.points, top, {"filled": False, "stroke": SOFT, "strokeWidth": 1.4, "size": 42})
    own = (
        [_dots([found.own], top, {"filled": True, "fill": ACCENT, "stroke": INK, "size": 120}), _label(found.own, top)] if found.own else []
    )
    return {"width": _WIDTH, "height": _HEIGHT, "layer": [middle, *(layer for pair in lines for layer in pair), peers, *own]}


def _limits(target: float, top: int, level: float, dash: list[int]) -> list[Spec]:
    sizes = sorted({LEAST_REQUESTS + round((top - LEAST_REQUESTS) * step / _STEPS) for step in range(_STEPS + 1)})
    limits = [(size, *funnel(target, size, level)) for size in sizes]
    mark = {"type": "line", "stroke": ACCENT, "strokeWidth": 1.2, "strokeDash": dash, "opacity": 0.8}
    return [
        {"data": {"values": [{"n": one[0], "p": one[side]} for one in limits]}, "mark": mark, "encoding": {"x": _cases(top), "y": _y("p")}}
        for side in (1, 2)
    ]


def _dots(shares: Sequence[Share], top: int, mark: Spec) -> Spec:
    values = [{"n": one.whole, "p": one.value} for one in shares]
    return {"data": {"values": values}, "mark": {"type": "point", "opacity": 1, **mark}, "encoding": {"x": _cases(top), "y": _y("p")}}


def _label(own: Share, top: int) -> Spec:
    left = own.whole > 0.75 * top
    mark = {
        "type": "text",
        "align": "right" if left else "left",
        "dx": -9 if left else 9,
        "fontSize": 12,
        "fontWeight": "bold",
        "fill": INK,
    }
    values = [{"n": own.whole, "p": own.value, "t": "vous"}]
    return {"data": {"values": values}, "mark": mark, "encoding": {"x": _cases(top), "y": _y("p"), "text": {"field": "t"}}}


def _cases(top: int) -> Spec:
    axis = {"grid": False, "tickCount": 5, "titleColor": SOFT, "titleFontWeight": "normal"}
    return {"field": "n", "type": "quantitative", "title": "examens", "scale": {"domain": [0, top], "nice": False}, "axis": axis}


def _y(field: str) -> Spec:
    return {"field": field, "type": "quantitative", "title": None, "scale": {"domain": [0, 1]}, "axis": _SHARE}


def month_plot(shares: Sequence[MonthShare]) -> Spec:
    """Return a share month by month, each with its 95 % interval; a month with too few cases has no point."""
    values = [_month(one) for one in shares]
    months = [one.month for one in shares]
    label = "['J','F','M','A','M','J','J','A','S','O','N','D'][toNumber(slice(datum.value, 5)) - 1]"
    axis = {"labelExpr": label, "labelAngle": 0, "grid": False}
    x = {"field": "m", "type": "ordinal", "title": None, "scale": {"domain": months}, "axis": axis}
    spans = [one for one in values if "p" in one]
    bar = {"type": "rule", "stroke": LINE, "strokeWidth": 7, "strokeCap": "round"}
    span = {"data": {"values": spans}, "mark": bar, "encoding": {"x": x, "y": _y("l"), "y2": {"field": "h"}}}
    point = {"type": "point", "filled": True, "fill": ACCENT, "size": 70, "opacity": 1}
    dots = {"data": {"values": spans}, "mark": point, "encoding": {"x": x, "y": _y("p")}}
    return {"width": _WIDTH, "height": 132, "data": {"values": values}, "layer": [span, dots]}


def _month(one: MonthShare) -> dict[str, object]:
    interval = one.share.interval if one.share else None
    if one.share is None or interval is None:
        return {"m": one.month}
    return {"m": one.month, "p": one.share.value, "l": interval[0], "h": interval[1]}
