"""A secret of this machine: made whole, the same for all, and never an empty one."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.errors import StackError
from infra.kept_secret import kept_secret


def test_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "data" / "webhooks.key"
    assert kept_secret(path) == kept_secret(path)
    assert (len(kept_secret(path)), path.stat().st_mode & 0o777) == (64, 0o600)
    assert [p.name for p in path.parent.iterdir()] == ["webhooks.key"]


@pytest.mark.parametrize("left", ["", "0123456789"])
def test_file_without_a_secret_is_refused_by_name(tmp_path: Path, left: str) -> None:
    """As a power cut may leave it: nothing may be signed, or found, by what everybody can guess."""
    (tmp_path / "privacy.key").write_text(left)
    with pytest.raises(StackError, match=r"privacy\.key holds no secret; move it away"):
        kept_secret(tmp_path / "privacy.key")
