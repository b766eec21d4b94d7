"""`python -m infra.rooms`: print the rooms with their measures, and draw them. Exit status 1: a circle of imports."""

from __future__ import annotations

import sys
from pathlib import Path

from infra.rooms import drawing, measure
from infra.rooms.measure import House, Room

ROOT = Path(__file__).resolve().parents[2]
TITLES = ("floor", "room", "files", "lines", "median function", "longest file", "imports from")
PICTURE = ROOT / "infra" / "rooms" / "rooms.svg"


def main() -> int:
    """Measure, print and draw."""
    house = measure.read(ROOT)
    for circle in house.circles:
        print(f"rooms import each other in a circle: {' -> '.join(circle)}")
    if house.circles:
        return 1
    print(f"{table(house)}\n\n{summary(house)}")
    PICTURE.write_text(drawing.svg(house), encoding="utf-8")
    return 0


def table(house: House) -> str:
    """Return a line for each room, from the top down, in columns."""
    rows: list[tuple[str, ...]] = [TITLES]
    for floor, rooms in reversed(list(enumerate(house.floors))):
        rows += [(str(floor), *_measures(room), _arrows(house, room.name)) for room in rooms]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def summary(house: House) -> str:
    """Return the whole in a line."""
    floor = {room.name: n for n, rooms in enumerate(house.floors) for room in rooms}
    up = sum(floor[above] <= floor[below] for above, below in house.arrows)
    longest = max((room.longest for room in house.rooms.values()), key=lambda file: file.lines)
    return (
        f"{len(house.rooms)} rooms on {len(house.floors)} floors, {len(house.arrows)} arrows, {up} up, "
        f"{len(house.circles)} circles; {sum(room.lines for room in house.rooms.values())} lines, "
        f"the longest file {longest.path} ({longest.lines})"
    )


def _measures(room: Room) -> tuple[str, ...]:
    longest = f"{room.longest.path} ({room.longest.lines})"
    return room.name, str(len(room.files)), str(room.lines), f"{room.median_function:g}", longest


def _arrows(house: House, name: str) -> str:
    return ", ".join(f"{below} {n}" for (above, below), n in house.arrows.items() if above == name)


if __name__ == "__main__":
    sys.exit(main())
