# SPDX-License-Identifier: Apache-2.0
"""The results as bars: an SVG that stands alone, for light and dark pages.

Two columns, throughput and processor time, and a section for each group that
is shown.  Each way has a bar for encrypting and one, paler, for decrypting; a
thin line across its end spans the quartiles.
"""
import html
import math
import textwrap

import figures
import machine

WIDTH = 880
MARGIN = 24
LABELS = 232          # room for the names of the ways
GAP = 28              # between the two columns
NUMBERS = 48          # room after the longest bar
BAR = 11
ROW = 2 * BAR + 13
FOOTER_LETTERS = 130
OUTLIER = 2.5         # times the next: it does not set the scale
COLUMN = (WIDTH - 2 * MARGIN - LABELS - GAP) / 2

# What is shown of a group, from the top, and under which words.
SECTIONS = (
    ("null", "File to /dev/null",
     ("gcm", "mb-raw-j2", "mb-raw-j1", "ours-raw-j2", "ours-raw-j1", "ctr",
      "age", "cms", "gpg")),
    ("pipe", "In a pipe: cat | X | cat",
     ("none", "ours-raw-j2", "ours-raw-j1", "ctr", "age", "gpg")),
)
COLUMNS = (("GiB/s, longer is better", figures.rate),
           ("CPU seconds per GiB, shorter is better", figures.cpu))

STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-size: 16px; font-weight: 600 }
.section { font-weight: 600 }
.small { font-size: 11px; fill: #59636e }
.page { fill: #ffffff; stroke: #d1d9e0 }
.grid { stroke: #d1d9e0 }
.spread { stroke: #1f2328; opacity: 0.55 }
.ours { fill: #0969da } .ours.open { fill: #80b3f0 }
.peer { fill: #6e7781 } .peer.open { fill: #b7bdc4 }
.limit { fill: #bf8700 } .limit.open { fill: #e3c16f }
.cut { fill: #ffffff }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc }
.small { fill: #9198a1 }
.page { fill: #0d1117; stroke: #3d444d }
.grid { stroke: #3d444d }
.spread { stroke: #f0f6fc }
.ours { fill: #4493f8 } .ours.open { fill: #1f5aa8 }
.peer { fill: #9198a1 } .peer.open { fill: #596068 }
.limit { fill: #d29922 } .limit.open { fill: #845f10 }
.cut { fill: #0d1117 }
}
"""


def _text(x, y, words, kind="", anchor="start"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" '
            f'text-anchor="{anchor}">{html.escape(words)}</text>')


def _line(x1, y1, x2, y2, kind):
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
            f'class="{kind}"/>')


def _rect(x, y, width, kind):
    return (f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
            f'height="{BAR}" class="{kind}"/>')


def _step(most):
    """Between the lines of a grid: 1, 2 or 5, and two to five of them."""
    power = 10 ** math.floor(math.log10(most))
    for step in (0.2, 0.5, 1, 2):
        if most / (step * power) <= 5:
            return step * power
    return 5 * power


def _label(value):
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _scale(values):
    """What reaches the end: the largest value, but for one far off."""
    first, second = (sorted(values, reverse=True) + [0, 0])[:2]
    return second * 1.2 if first > second * OUTLIER > 0 else first or 1


class Column:
    """One scale: what is measured, where it begins, what reaches its end."""

    def __init__(self, number, look, group, ways):
        self.x = MARGIN + LABELS + number * (COLUMN + GAP)
        self.look = look
        self.group = group
        self.most = _scale([spread.median for way in ways
                            for spread in self._bars(way) if spread])

    def _bars(self, way):
        return [self.look(self.group, way, direction)
                for direction in ("encrypt", "decrypt")]

    def _at(self, value):
        """Where a value lies; what exceeds the scale ends with it."""
        return self.x + min(value / self.most, 1) * (COLUMN - NUMBERS)

    def grid(self, top, bottom):
        parts = []
        step = _step(self.most)
        for count in range(int(self.most / step + 1e-9) + 1):
            x = self._at(count * step)
            parts += [_line(x, top, x, bottom, "grid"),
                      _text(x, bottom + 14, f"{count * step:g}", "small",
                            "middle")]
        return parts

    def bars(self, way, kind, y):
        parts = []
        for index, spread in enumerate(self._bars(way)):
            if spread is not None:
                parts += self._bar(spread, y + index * (BAR + 1),
                                   kind + (" open" if index else ""))
        return parts

    def _bar(self, spread, top, kind):
        end = self._at(spread.median)
        parts = [_rect(self.x, top, max(end - self.x, 1), kind)]
        if spread.median > self.most:  # a gap: it goes on
            parts.append(_rect(end - 14, top, 4, "cut"))
        else:
            parts.append(_line(self._at(spread.low), top + BAR / 2,
                               self._at(spread.high), top + BAR / 2,
                               "spread"))
        parts.append(_text(max(end, self._at(spread.high)) + 4,
                           top + BAR - 1.5, _label(spread.median), "small"))
        return parts


def _section(y, title, group, ways):
    """The parts of one section, and where the next one begins."""
    ways = [way for way in ways if way in group["ways"]]
    columns = [Column(number, look, group, ways)
               for number, (_, look) in enumerate(COLUMNS)]
    parts = [_text(MARGIN, y, title, "section")]
    for column, (words, _) in zip(columns, COLUMNS):
        parts.append(_text(column.x, y, words, "small"))
    top = y + 10
    bottom = top + len(ways) * ROW
    for column in columns:
        parts += column.grid(top, bottom)
    for index, way in enumerate(ways):
        record = group["ways"][way]
        at = top + index * ROW + 7
        parts.append(_text(MARGIN, at + BAR + 5,
                           record["title"].replace("`", "")))
        for column in columns:
            parts += column.bars(way, record["kind"], at)
    return parts, bottom + 48


def _legend(y):
    parts = []
    x = WIDTH - MARGIN - 190
    for kind, words in (("ours", "encrypt"), ("ours open", "decrypt")):
        parts += [_rect(x, y - 10, 12, kind),
                  _text(x + 18, y, words, "small")]
        x += 100
    return parts


def _footer(y, results):
    """What was measured, and the machine, in lines that fit."""
    first = (f"{results['size_mib']:,} MiB of random data in memory, medians "
             f"of {results['turns']} turns; thin lines: quartiles.")
    null = results["groups"].get("null")
    alone = null and figures.rate(null, "cat", "encrypt")
    if alone:
        first += f" cat file >/dev/null: {_label(alone.median)} GiB/s."
    lines = [first] + textwrap.wrap(machine.in_words(results["machine"]),
                                    FOOTER_LETTERS)
    return [_text(MARGIN, y + 15 * index, text, "small")
            for index, text in enumerate(lines)], y + 15 * len(lines)


def svg(results):
    """The whole picture."""
    y = 34
    parts = [_text(MARGIN, y, "envelope, its peers and its limits", "title"),
             *_legend(y)]
    y += 32
    for name, title, ways in SECTIONS:
        if name in results["groups"]:
            more, y = _section(y, title, results["groups"][name], ways)
            parts += more
    more, y = _footer(y, results)
    parts += more
    height = y + 4
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
            f'height="{height}" viewBox="0 0 {WIDTH} {height}" role="img" '
            'aria-label="Throughput and processor time of envelope, its peers '
            'and its limits">\n'
            "<!-- SPDX-License-Identifier: Apache-2.0 -->\n"
            f"<style>{STYLE}</style>\n"
            f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" '
            f'height="{height - 1}" rx="6" class="page"/>\n'
            + "\n".join(parts) + "\n</svg>\n")
