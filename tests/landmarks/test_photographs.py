"""`--detect`: whole photographs in, a row a face out; the finder itself is tested elsewhere."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from landmarks import detect, photographs
from landmarks.predict import Config


def faces(count: int, spread: bool) -> photographs.Found:
    made: photographs.Found = []
    for i in range(count):
        face = detect.Face((10.0 * i, 1.0, 10.0 * i + 8, 9.0), 0.5, np.zeros((5, 2)))
        points = np.array([[10.0 * i + 2, 3], [10.0 * i + 6, 7.25]])
        made.append((face, points, np.array([1.0, 2.0]) if spread else None))
    return made


@pytest.mark.parametrize("spread", [True, False])
def test_a_row_a_face(
    spread: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    paths = [tmp_path / f"{name}.png" for name in ("two", "none", "broken")]
    for path in paths[:2]:
        Image.new("RGB", (40, 20), "white" if path.stem == "two" else "black").save(path)
    paths[2].write_text("no picture")
    monkeypatch.setattr(
        detect, "predict", lambda m, image, tta, how: faces(2 if image.max() else 0, spread)
    )
    found = photographs.find([], paths, (), "mean")
    assert [len(found[path]) for path in paths] == [2, 0, 0]
    assert "broken.png" in capsys.readouterr().out

    photographs.write_points(found, 2, tmp_path / "points.csv")
    with (tmp_path / "points.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["file_name"], row["face"], row["left"]) for row in rows] == [
        ("two.png", "0", "0.0"),
        ("two.png", "1", "10.0"),
    ]
    assert (rows[1]["Point_M1_X"], rows[1]["Point_M1_Y"]) == ("16.000", "7.250")
    assert rows[1].get("Spread_M1") == ("2.000" if spread else None)

    photographs.draw(found, tmp_path / "drawn")
    assert [path.name for path in (tmp_path / "drawn").iterdir()] == ["two.png"]
    photographs.show(found)
    assert "no face" in capsys.readouterr().out


def test_no_faces_at_all(tmp_path: Path) -> None:
    photographs.write_points({tmp_path / "a.png": []}, 2, tmp_path / "points.csv")
    assert (tmp_path / "points.csv").read_text().count("\n") == 1


@pytest.mark.parametrize("flag", ["submission", "truth"])
def test_what_is_of_crops_only(flag: str) -> None:
    with pytest.raises(ValueError, match=f"`{flag}` is of face crops"):
        Config((Path("run"),), detect=True, **{flag: Path("a.csv")})  # type: ignore[arg-type]
