"""Line charts as SVG, drawn by hand so that nothing else has to be installed."""

WIDTH, HEIGHT = 300, 190
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 26, 40
# What the lines are called in the records and in the legend, and their colours.
SERIES = (("carded", "carded", "#1f6f54"), ("zxing", "zxing-cpp", "#b5651d"))


def write(folder, sweeps, records, in_bins):
    """The sweeps as one picture, and the times as another."""
    folder.mkdir(parents=True, exist_ok=True)
    panels = []
    for name, (key, title, edges) in sweeps.items():
        members = [record for record in records if record["group"] == name]
        if members:
            panels.append(_sweep(title, edges, list(in_bins(members, key, edges))))
    (folder / "barcodes-sweeps.svg").write_text(_sheet(panels, 3, "Share of frames read, by what varies", SERIES))
    made = [r for r in records if not r["group"].startswith("photos") and r["group"] != "empty"]
    (folder / "barcodes-time.svg").write_text(_sheet([_times(made)], 1, "CPU time of a frame", SERIES))


def shares(panels, series, title):
    """A sheet of panels, each a title, the range of its values, and lines of (value, share) by the name of their series."""
    quarters = [0, 0.25, 0.5, 0.75, 1]
    drawn = [
        _panel(name, across, (0, 1), lines, quarters, lambda v: f"{100 * v:.0f} %", series)
        for name, across, lines in panels
    ]
    return _sheet(drawn, 3, title, series)


def _sweep(title, edges, bins):
    lines = {}
    for who, _, _ in SERIES:
        points = []
        for low, high, inside in bins:
            if inside:
                rate = sum(record[who] == "right" for record in inside) / len(inside)
                points.append(((low + high) / 2, rate))
        lines[who] = points
    quarters = [0, 0.25, 0.5, 0.75, 1]
    return _panel(title, (edges[0], edges[-1]), (0, 1), lines, quarters, lambda v: f"{100 * v:.0f} %", SERIES)


def _times(records):
    lines = {}
    for who, _, _ in SERIES:
        times = sorted(record[who + "_ms"] for record in records)
        lines[who] = [(100 * (k + 0.5) / len(times), value) for k, value in enumerate(times)]
    most = max((line[int(len(line) * 0.98)][1] for line in lines.values() if line), default=1)
    lines = {who: [(x, min(y, most)) for x, y in line] for who, line in lines.items()}
    ticks = [most * k / 4 for k in range(5)]
    title = "frames in per cent, fastest first"
    return _panel(title, (0, 100), (0, most), lines, ticks, lambda v: f"{v:.0f} ms", SERIES)


def _panel(title, across, up, lines, ticks, label, series):
    def place(x, y):
        u = LEFT + (x - across[0]) / (across[1] - across[0]) * (WIDTH - LEFT - RIGHT)
        v = HEIGHT - BOTTOM - (y - up[0]) / (up[1] - up[0]) * (HEIGHT - TOP - BOTTOM)
        return u, v

    parts = []
    for tick in ticks:
        _, v = place(across[0], tick)
        parts.append(f'<line class="grid" x1="{LEFT}" y1="{v:.1f}" x2="{WIDTH - RIGHT}" y2="{v:.1f}"/>')
        parts.append(f'<text class="end" x="{LEFT - 5}" y="{v + 3:.1f}">{label(tick)}</text>')
    for k in range(5):
        value = across[0] + (across[1] - across[0]) * k / 4
        u, v = place(value, up[0])
        parts.append(f'<text class="mid" x="{u:.1f}" y="{v + 14:.1f}">{value:.3g}</text>')
    parts.append(f'<text class="mid" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}">{title}</text>')
    for who, _, colour in series:
        points = [place(x, y) for x, y in lines[who]]
        path = " ".join(f"{u:.1f},{v:.1f}" for u, v in points)
        parts.append(f'<polyline points="{path}" stroke="{colour}"/>')
        if len(points) < 40:
            parts += [f'<circle cx="{u:.1f}" cy="{v:.1f}" r="2.5" fill="{colour}"/>' for u, v in points]
    return "".join(parts)


def _sheet(panels, columns, title, series):
    rows = -(-len(panels) // columns)
    width, height = columns * WIDTH, rows * HEIGHT + 44
    legend, x = [], width - 190
    for _, name, colour in series:
        legend.append(f'<line x1="{x}" y1="20" x2="{x + 18}" y2="20" stroke="{colour}" stroke-width="2"/>')
        legend.append(f'<text x="{x + 23}" y="24">{name}</text>')
        x += 90
    body = "".join(
        f'<g transform="translate({k % columns * WIDTH},{k // columns * HEIGHT + 40})">{panel}</g>'
        for k, panel in enumerate(panels)
    )
    style = (
        "text{font:11px sans-serif;fill:#333}.mid{text-anchor:middle}.end{text-anchor:end}"
        ".grid{stroke:#ddd}polyline{fill:none;stroke-width:2}.title{font-size:13px;font-weight:bold}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f"<style>{style}</style><rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>"
        f'<text class="title" x="12" y="24">{title}</text>{"".join(legend)}{body}</svg>\n'
    )
