"""Reads machine-readable zones with several readers and says how many were valid, exact, and valid though wrong.

Exact means: every line is as in tests/truth/mrz.json, to the character. Valid means: the reader's own word for carded and
PassportEye (all of its check digits), and for RapidOCR, which knows nothing of zones, right check digits of the last lines
that look like one. CPU time counts a reader's child processes, and not its start. One thread each.
"""

from __future__ import annotations

import contextlib
import json
import logging
import resource
import statistics
import subprocess
import sys
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ALPHABET = set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789<")
LENGTHS = (30, 36, 44)


@dataclass
class Reading:
    """What one reader made of one file."""

    lines: list[str]
    valid: bool
    cpu_ms: float


@dataclass
class Score:
    """What one reader made of all files."""

    readings: dict[str, Reading] = field(default_factory=dict)
    missing: str = ""


def cpu_ms() -> float:
    """CPU time of this process and of its finished children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used) * 1e3


def check_digit(text: str) -> str:
    """ICAO Doc 9303 part 3, section 4.9."""
    values = (0 if c == "<" else int(c, 36) for c in text)
    return str(sum(value * (7, 3, 1)[k % 3] for k, value in enumerate(values)) % 10)


def has_right_check_digits(lines: list[str]) -> bool:
    """Whether lines of a format's shape have the check digits that the format asks for."""
    if len(lines) == 3:
        first, second = lines[0], lines[1]
        pairs = [(first[5:14], first[14]), (second[:6], second[6]), (second[8:14], second[14])]
        composite = (first[5:] + second[:7] + second[8:15] + second[18:29], second[29])
    elif lines[0].startswith("IDFRA"):
        second = lines[1]
        pairs = [(second[:12], second[12]), (second[27:33], second[33])]
        composite = (lines[0] + second[:35], second[35])
    else:
        second = lines[1]
        pairs = [(second[:9], second[9]), (second[13:19], second[19]), (second[21:27], second[27])]
        composite = None
        if not lines[0].startswith("V"):
            end = len(second) - 1
            composite = (second[:10] + second[13:20] + second[21:end], second[end])
    if composite:
        pairs.append(composite)
    return all(check_digit(text) == digit for text, digit in pairs)


def zone_among(texts: Iterable[str]) -> list[str]:
    """The last two or three lines that look like a zone, fillers at their ends filled in or cut off."""
    plain = ["".join(text.upper().split()).replace("«", "<<") for text in texts]
    rows = [text for text in plain if len(text) >= 25 and "<" in text and set(text) <= ALPHABET]
    for count, lengths in ((3, (30,)), (2, (36, 44))):
        last = rows[-count:]
        for length in lengths:
            if len(last) == count and all(abs(len(row) - length) <= 3 for row in last):
                return [row[:length].ljust(length, "<") for row in last]
    return []


def read_carded(root: Path, files: list[Path]) -> Score:
    """By `carded inspect mrz`, one thread."""
    program = root / "target/release/carded"
    if not program.exists():
        return Score(missing=f"{program} is not built; run make build")
    command = [program, "inspect", "mrz", "--threads", "1", *files]
    output = subprocess.run(command, check=False, capture_output=True, text=True).stdout
    score = Score()
    for line in map(json.loads, output.splitlines()):
        reading = Reading(line.get("lines", []), line.get("valid", False), line.get("cpu_ms", 0.0))
        score.readings[Path(line["file"]).name] = reading
    return score


def read_each(files: list[Path], read: Callable[[Path], tuple[list[str], bool]]) -> Score:
    """Reads file by file, after one warm-up."""
    score = Score()
    with contextlib.suppress(Exception):
        read(files[0])
    for file in files:
        before = cpu_ms()
        try:
            lines, valid = read(file)
        except Exception as error:  # noqa: BLE001 a reader that breaks on a picture has not read it
            print(f"{file.name}: {error}", file=sys.stderr)
            lines, valid = [], False
        score.readings[file.name] = Reading(lines, valid, cpu_ms() - before)
    return score


def read_passporteye(files: list[Path]) -> Score:
    """PassportEye with Tesseract."""
    try:
        from passporteye import read_mrz  # noqa: PLC0415
    except ImportError as error:
        return Score(missing=str(error))

    def read(file: Path) -> tuple[list[str], bool]:
        zone = read_mrz(str(file))
        if zone is None:
            return [], False
        return zone.aux["text"].split("\n") if "text" in zone.aux else [], zone.valid

    return read_each(files, read)


def read_rapidocr(files: list[Path]) -> Score:
    """RapidOCR's own models, and the last lines that look like a zone."""
    try:
        from rapidocr import RapidOCR  # noqa: PLC0415
    except ImportError as error:
        return Score(missing=str(error))
    threads = {"EngineConfig.onnxruntime.intra_op_num_threads": 1, "EngineConfig.onnxruntime.inter_op_num_threads": 1}
    engine = RapidOCR(params=threads)

    def read(file: Path) -> tuple[list[str], bool]:
        lines = zone_among(engine(str(file)).txts or ())
        return lines, bool(lines) and has_right_check_digits(lines)

    return read_each(files, read)


def row(name: str, score: Score, truth: dict[str, list[str]]) -> str:
    """One line of the table."""
    if score.missing:
        return f"| {name} | missing: {score.missing} |"
    readings = score.readings
    valid = [file for file, reading in readings.items() if reading.valid]
    exact = [file for file, reading in readings.items() if reading.lines and reading.lines == truth.get(file)]
    wrong = [file for file in valid if file not in exact or not has_right_check_digits(truth[file])]
    for file in wrong:
        print(f"{name}: {file} is valid but not as printed: {readings[file].lines}", file=sys.stderr)
    median = statistics.median(reading.cpu_ms for reading in readings.values())
    return f"| {name} | {len(readings)} | {len(valid)} | {len(exact)} | {len(wrong)} | {median:.0f} |"


def main() -> None:
    """Prints the table."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    root, files = Path(sys.argv[1]), [Path(file) for file in sys.argv[2:]]
    truth = json.loads((root / "tests/truth/mrz.json").read_text())
    print("| reader | files | valid | exact | wrong but valid | median CPU ms |")
    print("|---|---|---|---|---|---|")
    print(row("carded", read_carded(root, files), truth))
    print(row("PassportEye", read_passporteye(files), truth))
    print(row("RapidOCR", read_rapidocr(files), truth))


if __name__ == "__main__":
    main()
