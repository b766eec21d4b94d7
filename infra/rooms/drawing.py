"""A house in, its picture out, as SVG text that changes only when rooms or arrows do.

Each room is a box on its floor. A line leaves it to the right and ends in the shafts of the rooms that it imports from;
a shaft goes down, and only down, into its room. A bead is an arrow: the bigger, the more import statements.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.sax.saxutils import escape

from infra.rooms.measure import House, Room

WIDTH, MARGIN, TOP = 880, 12, 44
BOX_LEFT, BOX_WIDTH, BOX_HEIGHT, ROW = 46, 356, 46, 58
SHAFT_LEFT = BOX_LEFT + BOX_WIDTH + 44
LEAVES, ENTERS = 9, -9  # from the middle of a box, in pixels
BEADS = ((1, 3.5), (5, 5.5), (15, 8.0))  # from so many import statements on: so big a radius
READING = "a dot: the room on its left imports from the room that its line leads down to"
STYLE = """
  text { font-family: ui-sans-serif, system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328 }
  .name { font-size: 15px; font-weight: 600 }
  .small { font-size: 12px; fill: #59636e }
  .box { fill: #f6f8fa; stroke: #d1d9e0 }
  .floor { stroke: #d1d9e0; stroke-dasharray: 2 4 }
  .line { fill: none; stroke: #8c959f; stroke-width: 1.5 }
  .shaft { fill: none; stroke: #0969da; stroke-width: 1.5 }
  .tip, .bead { fill: #0969da }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .small { fill: #9198a1 } .box { fill: #151b23; stroke: #3d444d } .floor { stroke: #3d444d }
    .line { stroke: #656c76 } .shaft { stroke: #4493f8 } .tip, .bead { fill: #4493f8 }
  }
"""


@dataclass(frozen=True)
class Place:
    """Where a room is: its floor, the middle of its box, and its shaft; in pixels from the upper left."""

    room: Room
    floor: int
    y: int
    x: int


def svg(house: House) -> str:
    """Draw a house.

    Raises:
        ValueError: rooms import each other in a circle.
    """
    places = _places(house)
    height = TOP + ROW * len(places) + 34
    label = "The rooms of the code on their floors, and the imports between them, which all point down"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">',
        f"<style>{STYLE}</style>",
        *_floors(places),
        *_lines(house, places),
        *_shafts(house, places),
        *_beads(house, places),
        *_boxes(places),
        *_legend(height),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _places(house: House) -> dict[str, Place]:
    """Place the rooms from the top down: whose shaft is farther right is lower."""
    floors = list(enumerate(house.floors))
    rooms = [(floor, room) for floor, on_it in reversed(floors) for room in on_it]
    gap = (WIDTH - MARGIN - SHAFT_LEFT) // (len(rooms) - 1)
    return {
        room.name: Place(room, floor, TOP + ROW * n + BOX_HEIGHT // 2, SHAFT_LEFT + gap * (n - 1))
        for n, (floor, room) in enumerate(rooms)
    }


def _floors(places: dict[str, Place]) -> Iterator[str]:
    last = None
    for place in places.values():
        if place.floor != last:
            y = place.y - ROW // 2
            yield f'<line class="floor" x1="{MARGIN}" y1="{y}" x2="{WIDTH - MARGIN}" y2="{y}"/>'
            yield f'<text class="small" x="{MARGIN + 4}" y="{place.y + 4}">{place.floor}</text>'
        last = place.floor


def _boxes(places: dict[str, Place]) -> Iterator[str]:
    for place in places.values():
        room, top = place.room, place.y - BOX_HEIGHT // 2
        yield f'<rect class="box" x="{BOX_LEFT}" y="{top}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="6"/>'
        yield f'<text class="name" x="{BOX_LEFT + 14}" y="{top + 20}">{escape(room.name)}</text>'
        yield f'<text class="small" x="{BOX_LEFT + 14}" y="{top + 37}">{escape(room.title)}</text>'


def _lines(house: House, places: dict[str, Place]) -> Iterator[str]:
    for name, place in places.items():
        below = [places[b].x for above, b in house.arrows if above == name]
        if below:
            y = place.y + LEAVES
            yield f'<line class="line" x1="{BOX_LEFT + BOX_WIDTH}" y1="{y}" x2="{max(below)}" y2="{y}"/>'


def _shafts(house: House, places: dict[str, Place]) -> Iterator[str]:
    for name, place in places.items():
        above = [places[a].y for a, below in house.arrows if below == name]
        if above:
            y, door = place.y + ENTERS, BOX_LEFT + BOX_WIDTH
            yield f'<path class="shaft" d="M{place.x} {min(above) + LEAVES}V{y - 6}q0 6 -6 6H{door + 8}"/>'
            yield f'<path class="tip" d="M{door + 1} {y}l9 -4.5v9z"/>'


def _beads(house: House, places: dict[str, Place]) -> Iterator[str]:
    for above, below in house.arrows:
        radius = max(r for least, r in BEADS if house.arrows[above, below] >= least)
        yield (
            f'<circle class="bead" cx="{places[below].x}" cy="{places[above].y + LEAVES}" r="{radius}">'
            f"<title>{above} imports from {below}</title></circle>"
        )


def _legend(height: int) -> Iterator[str]:
    y = height - 14
    yield f'<text class="small" x="{MARGIN}" y="22">floor</text>'
    yield f'<text class="small" x="{BOX_LEFT + BOX_WIDTH + 14}" y="22">{READING}</text>'
    yield f'<text class="small" x="{BOX_LEFT}" y="{y}">import statements:</text>'
    for n, (least, radius) in enumerate(BEADS):
        x = BOX_LEFT + 130 + 62 * n
        yield f'<circle class="bead" cx="{x}" cy="{y - 4}" r="{radius}"/>'
        yield f'<text class="small" x="{x + 14}" y="{y}">{least}+</text>'
