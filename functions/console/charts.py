"""Numbers in, small SVG charts out: no script, no inline style, readable by a screen reader through their title."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

WIDTH, HEIGHT, GAP = 240, 48, 2


def bars(values: Sequence[float], title: str) -> Markup:
    """Return one bar per value, the highest as high as the chart."""
    highest = max(values, default=0) or 1
    step = WIDTH / max(1, len(values))
    shapes = []
    for n, value in enumerate(values):
        height = max(1.0, value / highest * HEIGHT) if value else 0.0
        shapes.append(
            f'<rect x="{n * step:.1f}" y="{HEIGHT - height:.1f}" width="{step - GAP:.1f}" height="{height:.1f}"/>'
        )
    return _svg("bars", title, "".join(shapes), WIDTH, HEIGHT)


def meter(value: float, threshold: float, title: str) -> Markup:
    """Return a bar from 0 to 1 with a mark where the threshold is."""
    passed = "enough" if value >= threshold else "short"
    shapes = (
        f'<rect class="track" width="100" height="8"/><rect class="{passed}" width="{value * 100:.0f}" height="8"/>'
        f'<rect class="mark" x="{threshold * 100:.0f}" width="2" height="8"/>'
    )
    return _svg("meter", title, shapes, 100, 8)


def share(part: float, whole: float, title: str) -> Markup:
    """Return a bar filled by `part` of `whole`."""
    filled = 100 * part / whole if whole else 0
    shapes = f'<rect class="track" width="100" height="8"/><rect class="bad" width="{filled:.1f}" height="8"/>'
    return _svg("meter", title, shapes, 100, 8)


def lane(offset: float, length: float, whole: float, title: str, *, failed: bool = False) -> Markup:
    """Return a bar where something happened within `whole`; however short it was, it can be seen."""
    scale = 100 / whole if whole > 0 else 0
    width = max(0.5, length * scale)
    place = f'x="{min(offset * scale, 100 - width):.2f}" width="{width:.2f}" height="8"'
    bar = f'<rect class="{"bad" if failed else "enough"}" {place}/>'
    return _svg("lane", title, f'<rect class="track" width="100" height="8"/>{bar}', 100, 8)


def _svg(kind: str, title: str, shapes: str, width: int, height: int) -> Markup:
    # Only `title` is not ours, and `format` escapes it.
    frame = f'<svg class="{kind}" viewBox="0 0 {width} {height}" preserveAspectRatio="none" role="img" '
    return Markup(frame + 'aria-label="{0}"><title>{0}</title>').format(title) + Markup(shapes + "</svg>")  # noqa: S704
