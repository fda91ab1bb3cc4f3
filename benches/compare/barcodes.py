"""The comparison that benches/compare/barcodes runs: who reads what, and how long it takes."""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy
import zxingcpp
from PIL import Image

import plots

ROOT = Path(__file__).resolve().parents[2]
CARDED = Path(os.environ.get("CARDED", ROOT / "target/release/carded"))
WORK = ROOT / "target/compare/barcodes"
DATA = ROOT / "../shared/data/pdf417"

# Sweeps: the parameter's key in frames.jsonl, what to call it, and the edges of its bins.
SWEEPS = {
    "module": ("module_px", "pixels a module", [1.3, 1.5, 1.7, 1.9, 2.1, 2.4, 2.8, 3.4, 4.0]),
    "turn": ("turn_degrees", "turn in degrees", list(range(0, 361, 30))),
    "perspective": ("tilt_degrees", "tilt in degrees", [0, 6, 12, 18, 24, 30, 36]),
    "blur": ("blur_px", "blur (deviation in pixels)", [0, 0.4, 0.7, 1.0, 1.3, 1.6, 2.0]),
    "motion": ("motion_px", "motion in pixels", [0, 1, 2, 3, 4, 5, 6]),
    "noise": ("noise", "noise (deviation in grey levels)", [0, 5, 10, 15, 20, 26, 32]),
    "bending": ("bend_degrees", "arc of the card in degrees", [0, 10, 20, 30, 40, 50, 60]),
    "damage": ("damage", "share of the symbol covered", [0, 0.04, 0.08, 0.12, 0.16, 0.2, 0.24]),
}
# The kinds that `carded` reads: what zxing-cpp's time is taken with too, since fewer kinds are faster.
SAME_KINDS = [
    zxingcpp.BarcodeFormat.PDF417,
    zxingcpp.BarcodeFormat.QRCode,
    zxingcpp.BarcodeFormat.DataMatrix,
    zxingcpp.BarcodeFormat.Aztec,
    zxingcpp.BarcodeFormat.Code128,
]


def generate(folder, sweep, kind, seed, count, jobs, takes=1):
    """Frames of one group, made by several processes; their lines of frames.jsonl."""
    shutil.rmtree(folder, ignore_errors=True)
    share = -(-count // jobs)
    parts = [(k, seed + k * share, min(share, count - k * share)) for k in range(jobs) if count > k * share]

    def one(part):
        k, first, size = part
        command = [CARDED, "specimen", "barcodes", "--sweep", sweep, "--format", kind]
        command += ["--seed", str(first), "--count", str(size), "--takes", str(takes), "--out", folder / str(k)]
        subprocess.run(command, check=True)
        lines = (folder / str(k) / "frames.jsonl").read_text().splitlines()
        return [dict(json.loads(line), path=folder / str(k) / json.loads(line)["file"]) for line in lines]

    with ThreadPoolExecutor(jobs) as pool:
        return [frame for lines in pool.map(one, parts) for frame in lines]


def read_with_carded(paths):
    """Lists of (bytes, text) and CPU milliseconds by file."""
    results = {}
    for start in range(0, len(paths), 50):
        command = [CARDED, "inspect", "barcode", "--threads", "1", *paths[start : start + 50]]
        output = subprocess.run(command, stdout=subprocess.PIPE, check=False).stdout
        for line in map(json.loads, output.splitlines()):
            symbols = [(bytes.fromhex(s["bytes_hex"]), s["text"]) for s in line.get("symbols", [])]
            results[line["file"]] = (symbols, line.get("cpu_ms", 0.0))
    return results


def read_with_zxing(paths):
    """The same by zxing-cpp as it comes: every kind, and its own tries of turns, scales and inversion."""
    results = {}
    for path in paths:
        picture = numpy.array(Image.open(path).convert("L"))
        symbols = [(bytes(s.bytes), s.text) for s in zxingcpp.read_barcodes(picture)]
        start = time.thread_time()
        zxingcpp.read_barcodes(picture, formats=SAME_KINDS)
        results[str(path)] = (symbols, (time.thread_time() - start) * 1e3)
    return results


def truth_of(path):
    """The bytes that a picture holds, or its text, or None where nobody wrote it down."""
    if path.with_suffix(".bin").exists():
        return path.with_suffix(".bin").read_bytes()
    if path.with_suffix(".txt").exists():
        return path.with_suffix(".txt").read_text(encoding="utf-8").strip()
    return None


def verdict(symbols, truth):
    """right, wrong or missed."""
    if truth is None:
        return "right" if symbols else "missed"
    for content, text in symbols:
        if isinstance(truth, bytes):
            if content == truth:
                return "right"
        elif truth in (text.strip(), content.decode("utf-8", "replace").strip()):
            return "right"
    return "wrong" if symbols else "missed"


def judge(group, frames, keep):
    """Reads a group's frames with both readers; one record a frame."""
    paths = [str(frame["path"]) for frame in frames]
    ours, theirs = read_with_carded(paths), read_with_zxing(paths)
    records = []
    for frame, path in zip(frames, paths):
        record = {key: value for key, value in frame.items() if key != "path"}
        truth = truth_of(Path(path)) if frame.get("symbol", True) else None
        record["group"] = group
        for name, results in (("carded", ours), ("zxing", theirs)):
            symbols, cpu = results.get(path, ([], 0.0))
            read = verdict(symbols, truth)
            if not frame.get("symbol", True):
                read = "wrong" if symbols else "right"
            record[name], record[name + "_ms"] = read, cpu
        records.append(record)
        if not keep and WORK in Path(path).parents:
            Path(path).unlink()
    return records


def share(records, name, what="right"):
    count = sum(record[name] == what for record in records)
    return f"{count} of {len(records)} ({100 * count / max(len(records), 1):.1f} %)"


def interval(count, total):
    """Wilson's 95 % interval of a share, in per cent."""
    if total == 0:
        return (0.0, 100.0)
    z, p = 1.96, count / total
    middle = (p + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * ((p * (1 - p) / total + z * z / (4 * total * total)) ** 0.5)
    return 100 * (middle - half), 100 * (middle + half)


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def summary(title, records):
    """One row of the table."""
    ours, theirs = ([r[f"{name}_ms"] for r in records] for name in ("carded", "zxing"))
    median = [statistics.median(values) if values else 0.0 for values in (ours, theirs)]
    only_ours = sum(r["carded"] == "right" != r["zxing"] for r in records)
    only_theirs = sum(r["zxing"] == "right" != r["carded"] for r in records)
    wrong = [sum(r[name] == "wrong" for r in records) for name in ("carded", "zxing")]
    return (
        f"| {title} | {share(records, 'carded')} | {share(records, 'zxing')} | {only_ours} / {only_theirs} "
        f"| {wrong[0]} / {wrong[1]} | {median[0]:.1f} / {median[1]:.1f} ({median[0] / max(median[1], 1e-9):.2f}) "
        f"| {percentile(ours, 0.95):.0f} / {percentile(theirs, 0.95):.0f} |"
    )


HEAD = (
    "| frames | carded reads | zxing-cpp reads | only one: carded / zxing-cpp | wrong | CPU ms, median (ratio) | p95 |\n"
    "|---|---|---|---|---|---|---|"
)


def photo_frames():
    """The developers' photos; what this machine cannot hold as PNG is converted."""
    if not DATA.exists():
        print("SKIPPED: the photos in ../shared/data/pdf417 are not on this machine", file=sys.stderr)
        return {}
    groups = {}
    for folder in sorted(path for path in DATA.glob("**") if path.is_dir()):
        frames = []
        for path in sorted(folder.iterdir()):
            if path.suffix not in (".png", ".jpg", ".webp"):
                continue
            if path.suffix == ".webp":
                copy = WORK / "photos" / folder.relative_to(DATA) / (path.stem + ".png")
                copy.parent.mkdir(parents=True, exist_ok=True)
                Image.open(path).convert("RGB").save(copy)
                for kind in (".txt", ".bin"):
                    if path.with_suffix(kind).exists():
                        shutil.copyfile(path.with_suffix(kind), copy.with_suffix(kind))
                path = copy
            frames.append({"path": path, "file": path.name})
        if frames:
            groups[str(folder.relative_to(DATA))] = frames
    return groups


def in_bins(records, key, edges):
    for low, high in zip(edges, edges[1:]):
        inside = [r for r in records if low <= abs(r[key]) < high or (abs(r[key]) == high == edges[-1])]
        yield low, high, inside


def report_sweep(name, records):
    key, title, edges = SWEEPS[name]
    print(f"\n### {title}\n\n| {title} | frames | carded reads % | zxing-cpp reads % |\n|---|---|---|---|")
    for low, high, inside in in_bins(records, key, edges):
        rates = [100 * sum(r[who] == "right" for r in inside) / max(len(inside), 1) for who in ("carded", "zxing")]
        print(f"| {low} to {high} | {len(inside)} | {rates[0]:.0f} | {rates[1]:.0f} |")


def main():
    parser = argparse.ArgumentParser(prog="benches/compare/barcodes", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the frames")
    parser.add_argument("--seed", type=int, default=1, help="where the seeds of the frames begin")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes that make frames")
    parser.add_argument("--only", nargs="*", help="groups to run: goal, hard, empty, photos, streams, qr-code, data-matrix, aztec, or sweeps; none: report what earlier runs left")
    parser.add_argument("--count", type=int, help="frames of each group")
    parser.add_argument("--plots", type=Path, help="folder to write the sweeps to as SVG")
    parser.add_argument("--keep", action="store_true", help="leave the frames in target/compare/barcodes")
    options = parser.parse_args()

    groups = [("goal", "goal", "pdf417", 200), ("hard", "hard", "pdf417", 80), ("empty", "empty", "pdf417", 30)]
    groups += [(name, name, "pdf417", 48) for name in SWEEPS]
    groups += [(kind, "goal", kind, 24) for kind in ("qr-code", "data-matrix", "aztec")]
    WORK.mkdir(parents=True, exist_ok=True)
    results = WORK / "results.jsonl"
    # What an earlier run left of other groups stays in the report.
    held = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    streams = {}
    for k, (group, sweep, kind, count) in enumerate(groups):
        if options.only and group not in options.only:
            continue
        count = options.count or (max(count // 10, 4) if options.quick else count)
        print(f"{group}: {count} frames", file=sys.stderr)
        frames = generate(WORK / group, sweep, kind, options.seed + k * 10_000, count, options.jobs)
        records = judge(group, frames, options.keep)
        held = [record for record in held if record["group"] != group] + records
        save(results, held)
    if not options.only or "photos" in options.only:
        for group, frames in photo_frames().items():
            group = "photos " + group
            held = [record for record in held if record["group"] != group] + judge(group, frames, True)
            save(results, held)
    if not options.only or "streams" in options.only:
        for sweep in ("hard", "reflection"):
            count = options.count or (4 if options.quick else 20)
            streams[sweep] = read_streams(sweep, options.seed + 900_000, count, options.jobs)
    print_report(held)
    for sweep, rows in streams.items():
        print_streams(sweep, rows)
    if options.plots:
        plots.write(options.plots, SWEEPS, held, in_bins)


def save(results, records):
    results.write_text("".join(json.dumps(record, default=str) + "\n" for record in records))


def read_streams(sweep, seed, count, jobs):
    """Four photographs of each card: what each lets read alone, and what they let read together."""
    frames = generate(WORK / "streams", sweep, "pdf417", seed, count, jobs, takes=4)
    cards = {}
    for frame in frames:
        cards.setdefault(frame["seed"], []).append(str(frame["path"]))
    streams = []
    for paths in cards.values():
        row = {}
        for mode in ("--live", "--stream"):
            command = [CARDED, "inspect", "barcode", "--threads", "1", mode, *sorted(paths)]
            lines = subprocess.run(command, stdout=subprocess.PIPE, check=False).stdout.splitlines()
            found = [[(bytes.fromhex(s["bytes_hex"]), s["text"]) for s in json.loads(line)["symbols"]] for line in lines]
            row[mode] = [verdict(symbols, truth_of(Path(path))) for symbols, path in zip(found, sorted(paths))]
        streams.append(row)
    shutil.rmtree(WORK / "streams", ignore_errors=True)
    return streams


def print_streams(sweep, streams):
    first = sum(row["--live"][0] == "right" for row in streams)
    alone = sum("right" in row["--live"] for row in streams)
    together = sum("right" in row["--stream"] for row in streams)
    wrong = sum("wrong" in row["--live"] + row["--stream"] for row in streams)
    print(
        f"\nstreams of four frames of the sweep {sweep}, {len(streams)} cards: by the first frame {first}, by any frame alone {alone}, "
        f"with frames added up {together}; wrong {wrong}"
    )


def print_report(records):
    by_group = {}
    for record in records:
        by_group.setdefault(record["group"], []).append(record)
    print(HEAD)
    for group, members in by_group.items():
        print(summary(group, members))
    made = [r for r in records if not r["group"].startswith("photos") and r["group"] != "empty"]
    for title, members in (("all synthetic frames", made), ("all", records)):
        if members:
            print(summary(title, members))
    if "goal" in by_group:
        goal = by_group["goal"]
        low, high = interval(sum(r["carded"] == "right" for r in goal), len(goal))
        print(f"\n95 % interval of the goal's rate: {low:.1f} to {high:.1f} %")
        missed = [f"{r['seed']} ({r['module_px']:.2f} px, bend {r['bend_degrees']:.0f})" for r in goal if r["carded"] != "right"]
        print(f"not read among them: {', '.join(missed) or 'none'}")
    for group, members in by_group.items():
        missed = [r["file"] for r in members if r["zxing"] == "right" != r["carded"]]
        if missed and group.startswith("photos"):
            print(f"{group}: read by zxing-cpp only: {', '.join(missed)}")
        neither = [r["file"] for r in members if r["zxing"] != "right"]
        if neither and group.startswith("photos"):
            both = sum(r["carded"] == "right" for r in members if r["zxing"] != "right")
            print(f"{group}: not read by zxing-cpp: {', '.join(neither)}; carded reads {both} of these {len(neither)}")
    for name in SWEEPS:
        if name in by_group:
            report_sweep(name, by_group[name])


if __name__ == "__main__":
    main()
