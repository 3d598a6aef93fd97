"""Tables from what was measured."""

import statistics

from figures import BUDGETS, LIMITS, unit_of


def summary(runs):
    """Median and half spread (in % of it) of several runs."""
    middle = statistics.median(runs)
    spread = (max(runs) - min(runs)) / 2 / middle * 100 if middle else 0.0
    return middle, spread


def verdict(name, ours, theirs):
    """Budget text and whether it is met; the ratio where there is a peer."""
    ratio = ours / theirs if theirs else None
    if name in BUDGETS and ratio is not None:
        _, budget, aim = BUDGETS[name]
        state = "aim" if ratio <= aim else "met" if ratio <= budget else "MISSED"
        return ratio, f"<= {budget}", state
    if name in LIMITS:
        limit, aim = LIMITS[name]
        return ratio, f"<= {limit}", "aim" if ours <= aim else "met" if ours <= limit else "MISSED"
    return ratio, "", ""


def baseline(name):
    """The peer has one way to write: values with fsync ack stand beside it."""
    return name.replace(", fsync ack", "")


def table(measured, others):
    """Rows (figure, unit, Strom, spread, other, ratio, budget, state); `measured` and `others`: name ->
    runs. `others` may lack figures."""
    rows = []
    for name, runs in measured.items():
        ours, spread = summary(runs)
        theirs = others.get(name) or others.get(baseline(name))
        other = summary(theirs)[0] if theirs else None
        ratio, budget, state = verdict(name, ours, other)
        rows.append((name, unit_of(baseline(name)), ours, spread, other, ratio, budget, state))
    return rows


def number(value):
    if value is None:
        return "-"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


HEADER = ("figure", "unit", "Strom", "+-%", "peer", "ratio", "budget", "")


def as_cells(rows):
    return [HEADER] + [(name, unit, number(ours), f"{spread:.0f}", number(other),
                        "-" if ratio is None else f"{ratio:.2f}", budget, state)
                       for name, unit, ours, spread, other, ratio, budget, state in rows]


def as_text(rows):
    cells = as_cells(rows)
    widths = [max(len(row[i]) for row in cells) for i in range(len(HEADER))]
    return "\n".join("  ".join(cell.ljust(w) if i < 2 else cell.rjust(w)
                               for i, (cell, w) in enumerate(zip(row, widths))).rstrip() for row in cells)


def as_markdown(rows):
    cells = as_cells(rows)
    lines = ["| " + " | ".join(cells[0]) + " |", "|---|---|" + "---:|" * (len(HEADER) - 2)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in cells[1:]])
