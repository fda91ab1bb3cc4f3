"""Faces in frames of a camera, made worse step by step: how often they are found, and how often they match.

Each photo is put into a frame of 640 by 480 pixels so that its face is so many pixels wide, and one thing is made worse at a
time. The frame is compared by `carded inspect pairs` with the untouched photos of the same person (genuine) and of others
(impostors), at the shipped threshold. Only the frame is made worse: the photos stand for a good reference.
"""

import argparse
import io
import itertools
import json
import os
import subprocess
import tempfile
from pathlib import Path

import numpy
from PIL import Image, ImageFilter

import plots

ROOT = Path(__file__).resolve().parents[2]
CARDED = Path(os.environ.get("CARDED", ROOT / "target/release/carded"))
PHOTOS = ROOT / "../shared/data/faces/face-api"
FRAME = (640, 480)
# Width of the face where nothing else is said: an arm's length from a camera of this size.
FACE = 130
# What is made worse, what to call it, and the steps, the first of which changes nothing.
SWEEPS = {
    "distance": ("width of the face in pixels", [160, 130, 110, 90, 75, 60, 50, 40]),
    "blur": ("blur (deviation in pixels)", [0, 1, 2, 3, 4, 5, 6]),
    "dark": ("exposure in stops below", [0, 1, 2, 3, 4, 5]),
    "bright": ("exposure in stops above", [0, 0.5, 1, 1.5, 2, 2.5]),
    "side": ("light from one side: share that is lost on the other", [0, 0.3, 0.5, 0.7, 0.8, 0.9]),
    "compression": ("JPEG quality", [95, 70, 50, 30, 20, 10, 5]),
    "noise": ("noise (deviation in grey levels)", [0, 5, 10, 20, 30, 40]),
}


def frame_of(photo, box, width):
    """The photo scaled so that its face has a width, in the middle of a grey frame."""
    scale = width / box[2]
    scaled = photo.resize((round(photo.width * scale), round(photo.height * scale)), Image.Resampling.LANCZOS)
    frame = Image.new("RGB", FRAME, (128, 128, 128))
    middle = [(box[k] + box[k + 2] / 2) * scale for k in (0, 1)]
    frame.paste(scaled, (round(FRAME[0] / 2 - middle[0]), round(FRAME[1] / 2 - middle[1])))
    return frame


def worsened(frame, sweep, value, random):
    """One thing made worse."""
    if sweep == "blur":
        return frame.filter(ImageFilter.GaussianBlur(value))
    if sweep == "compression":
        held = io.BytesIO()
        frame.save(held, "JPEG", quality=value)
        return Image.open(io.BytesIO(held.getvalue())).convert("RGB")
    pixels = numpy.asarray(frame, dtype=numpy.float64)
    if sweep in ("dark", "bright", "side"):
        # Light changes before the camera's tone curve, which a power of 2.2 stands for.
        light = (pixels / 255) ** 2.2
        if sweep == "side":
            light = light * numpy.linspace(1, 1 - value, light.shape[1])[None, :, None]
        else:
            light = light * 2.0 ** (value if sweep == "bright" else -value)
        pixels = 255 * numpy.clip(light, 0, 1) ** (1 / 2.2)
        # A sensor's own noise does not shrink with the light.
        pixels = pixels + random.normal(0, 3, pixels.shape)
    if sweep == "noise":
        pixels = pixels + random.normal(0, value, pixels.shape)
    return Image.fromarray(numpy.clip(pixels + 0.5, 0, 255).astype(numpy.uint8))


def boxes(files):
    """The largest face of each photo."""
    run = subprocess.run([CARDED, "inspect", "faces", "--threads", "1", *files], capture_output=True, text=True)
    found = {}
    for line in run.stdout.splitlines():
        seen = json.loads(line)
        if seen.get("faces"):
            found[Path(seen["file"])] = seen["faces"][0]["box"]
    return found


def compared(pairs, folder):
    """What `inspect pairs` says of each pair."""
    table = folder / "pairs.csv"
    table.write_text("first,second\n" + "".join(f"{first},{second}\n" for first, second in pairs))
    command = [CARDED, "inspect", "pairs", "--threads", "1", "--root", "/", table]
    run = subprocess.run(command, capture_output=True, text=True)
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    if len(lines) != len(pairs):
        raise SystemExit(f"{len(lines)} answers to {len(pairs)} pairs: {run.stderr[-400:]}")
    return lines


def measure(sweep, value, photos, folder):
    """Rates of one step."""
    frames = {}
    for k, (file, box) in enumerate(photos.items()):
        width = value if sweep == "distance" else FACE
        frame = frame_of(Image.open(file).convert("RGB"), box, width)
        frames[file] = folder / f"{k:03}.png"
        if sweep != "distance":
            frame = worsened(frame, sweep, value, numpy.random.default_rng(k))
        frame.save(frames[file])
    seen = boxes(list(frames.values()))
    people = sorted({file.parent for file in photos})
    genuine, impostor = [], []
    for first, second in itertools.permutations(photos, 2):
        if first.parent == second.parent:
            genuine.append((frames[first], second))
        # Every person's frames against one photo of each other person.
        elif second == min(file for file in photos if file.parent == second.parent) and (
            people.index(first.parent) + people.index(second.parent)
        ) % 2:
            impostor.append((frames[first], second))
    answers = compared(genuine + impostor, folder)
    same, others = answers[: len(genuine)], answers[len(genuine) :]
    return {
        "sweep": sweep,
        "value": value,
        "found": sum(path in seen for path in frames.values()) / len(frames),
        "refused": sum("failure" in answer for answer in same) / len(same),
        "matched": sum(answer["match"] for answer in same) / len(same),
        "taken": sum(answer["match"] for answer in others),
        "impostors": len(others),
        "genuine": len(same),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the first and the last step of each sweep")
    parser.add_argument("--plots", type=Path, help="folder to write robustness.svg to")
    options = parser.parse_args()
    if not PHOTOS.exists():
        raise SystemExit("skipped: ../shared/data/faces/face-api is not on this machine")
    photos = boxes(sorted(PHOTOS.resolve().glob("*/*.png")))
    rows = []
    print(f"{len(photos)} photos of {len({file.parent for file in photos})} people\n")
    print("| what is made worse | value | found | refused for its quality | matched (genuine) | matched (impostors) |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for sweep, (title, steps) in SWEEPS.items():
            for value in [steps[0], steps[-1]] if options.quick else steps:
                row = measure(sweep, value, photos, Path(folder))
                rows.append(row)
                print(
                    f"| {title} | {value} | {100 * row['found']:.0f} % | {100 * row['refused']:.0f} % "
                    f"| {100 * row['matched']:.0f} % of {row['genuine']} | {row['taken']} of {row['impostors']} |",
                    flush=True,
                )
    if options.plots:
        series = (("found", "found", "#b5651d"), ("matched", "matched", "#1f6f54"))
        panels = []
        for sweep, (title, steps) in SWEEPS.items():
            mine = [row for row in rows if row["sweep"] == sweep]
            lines = {name: [(row["value"], row[name]) for row in mine] for name, _, _ in series}
            panels.append((title, (steps[0], steps[-1]), lines))
        options.plots.mkdir(parents=True, exist_ok=True)
        sheet = plots.shares(panels, series, "Faces found and matched, by what is made worse")
        (options.plots / "robustness.svg").write_text(sheet)


if __name__ == "__main__":
    main()
