"""The picture of the rooms is current, the README says what the door plates say, and measuring sees what there is."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

from infra.rooms import drawing, measure
from infra.rooms.__main__ import PICTURE, ROOT, summary, table
from infra.rooms.measure import House

README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = README.partition("\n## Architecture\n")[2].partition("\n## ")[0]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def ours() -> House:
    return measure.read(ROOT)


def house(root: Path, **sources: str) -> House:
    """Return the house of a small tree: `a_b="..."` is the file shared/a/b.py."""
    for name in ("functions", "infra"):
        (root / name).mkdir()
        (root / name / "__init__.py").write_text(f'"""What is in {name}."""\n')
    (root / "shared").mkdir()
    (root / "shared" / "errors.py").write_text("")
    for name, source in sources.items():
        room, _, file = name.partition("_")
        (root / "shared" / room).mkdir(parents=True, exist_ok=True)
        (root / "shared" / room / "__init__.py").write_text(f'"""Room {room}: a thing flows in.\nTouch it."""\n')
        (root / "shared" / room / f"{file}.py").write_text(source)
    return measure.read(root)


def test_committed_picture_is_current(ours: House) -> None:
    assert PICTURE.read_text(encoding="utf-8") == drawing.svg(ours), "stale: run make rooms"


def test_no_arrow_of_this_code_points_up(ours: House) -> None:
    assert ours.circles == []
    assert ", 0 up, 0 circles;" in summary(ours)


def test_readme_says_of_a_room_what_its_door_plate_says(ours: House) -> None:
    said = " ".join(ARCHITECTURE.split())
    plates = {room.name: room.plate.split(". ")[0].rstrip(".") for room in ours.rooms.values()}
    assert [name for name, sentence in plates.items() if f"- **{name}** {sentence}." not in said] == []


def test_readme_lists_the_rooms_from_the_top_down(ours: House) -> None:
    at = [ARCHITECTURE.index(f"- **{room.name}** ") for floor in reversed(ours.floors) for room in floor]
    assert at == sorted(at)


def test_the_test_beside_an_intent_is_no_part_of_its_room(tmp_path: Path) -> None:
    before = house(tmp_path)
    (tmp_path / "functions" / "test_gift_card.py").write_text("from infra.kit import play\n")
    assert measure.read(tmp_path) == before


def test_each_import_statement_is_counted_once_wherever_it_stands(tmp_path: Path) -> None:
    low = "def f():\n    from shared import errors, topics\n    return 1\n"
    high = "import shared.low.x\nfrom shared.low.x import f\nfrom os import path\n"
    found = house(tmp_path, low_x=low, high_y=high)
    assert found.arrows == {("low", "words"): 1, ("high", "low"): 2}
    assert [[room.name for room in floor] for floor in found.floors][1:] == [["low"], ["high"]]
    assert (found.rooms["low"].title, found.rooms["low"].lines, found.rooms["low"].longest.lines) == ("Room low", 5, 3)
    assert found.rooms["low"].median_function == 3


def test_circle_is_found_in_the_direction_of_its_imports_and_not_drawn(tmp_path: Path) -> None:
    sources = {"a_x": "import shared.b.x\n", "b_x": "import shared.c.x\n", "c_x": "import shared.a.x\n"}
    found = house(tmp_path, **sources)
    [circle] = found.circles
    assert set(pairwise(circle)) == {("a", "b"), ("b", "c"), ("c", "a")}
    with pytest.raises(ValueError, match="in a circle"):
        drawing.svg(found)


def test_picture_changes_with_a_room_or_an_arrow_and_not_with_a_line_of_code(tmp_path: Path) -> None:
    def drawn(name: str, **sources: str) -> str:
        (tmp_path / name).mkdir()
        return drawing.svg(house(tmp_path / name, **sources))

    before = drawn("1", a_x="", b_x="import shared.a.x\n")
    assert drawn("2", a_x="x = 1\n", b_x="import shared.a.x\n\ny = 2\n") == before
    assert drawn("3", a_x="", b_x="") != before
    assert drawn("4", a_x="", b_x="import shared.a.x\n", c_x="import shared.b.x\n") != before


def test_picture_has_a_box_for_each_room_and_a_bead_for_each_arrow_above_its_end(ours: House) -> None:
    root = ElementTree.fromstring(drawing.svg(ours))
    names = [text.text for text in root.iter(f"{SVG}text") if text.get("class") == "name"]
    assert sorted(filter(None, names)) == sorted(ours.rooms)
    told = {title.text for title in root.iter(f"{SVG}title")}
    assert told == {f"{above} imports from {below}" for above, below in ours.arrows}
    assert all(names.index(above) < names.index(below) for above, below in ours.arrows)


def test_table_has_a_line_for_each_room(ours: House) -> None:
    assert [line.split()[1] for line in table(ours).splitlines()[1:]] == [
        room.name for floor in reversed(ours.floors) for room in floor
    ]
