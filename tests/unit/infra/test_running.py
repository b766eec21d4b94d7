"""The note that a running stack leaves for other processes."""

from __future__ import annotations

import json
import os
from pathlib import Path

from infra import running
from infra.running import FILE, Running


def test_who_reads_a_note_while_another_is_written_has_the_whole_of_one(tmp_path: Path) -> None:
    notes = [Running("embedded", pid, "http://intake", "http://console", "") for pid in (1, 2)]
    notes[0].write(tmp_path)
    with (tmp_path / FILE).open() as reading:
        notes[1].write(tmp_path)
        assert json.load(reading)["pid"] == 1
    assert running.read(tmp_path) == notes[1]
    assert os.listdir(tmp_path) == [FILE]
