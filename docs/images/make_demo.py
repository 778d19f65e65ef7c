"""Draw demo.svg, the picture in the README, from what the commands really print: takes a good minute.

.venv/bin/python docs/images/make_demo.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from html import escape
from pathlib import Path

COMMANDS = (
    "elman train --minutes 1 --validate-every 2500 -o demo.safetensors",
    "elman sample demo.safetensors --length 300 --temperature 0.7 --prime 'ROMEO:' --seed 3",
    r"printf 'O Romeo, Romeo!\nxq zjv, kkw!\n' | elman score demo.safetensors",
)
WIDTH, FONT, LINE, MARGIN = 116, 13, 18, 20  # characters; the rest in pixels
CHARACTER = 0.6 * FONT  # the width of one, in any monospaced font, nearly
COLORS = {"ground": "#16181d", "text": "#d5d8de", "command": "#8ec07c"}


def shown() -> list[tuple[str, str]]:
    """Run the commands; return (color, line) of each line, the long ones broken."""
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        for command in COMMANDS:
            path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
            done = subprocess.run(
                ["sh", "-c", command],
                cwd=folder,
                env={"PATH": path, "LANG": "C.UTF-8"},
                check=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
            )
            lines.append(("command", f"$ {command}"))
            lines += [("text", line) for line in done.stdout.rstrip().split("\n")]
            lines.append(("text", ""))
    return [
        (color, line[k : k + WIDTH]) for color, line in lines[:-1] for k in range(0, max(len(line), 1), WIDTH)
    ]


def picture(lines: list[tuple[str, str]]) -> str:
    """Return the lines as SVG."""
    width, height = WIDTH * CHARACTER + 2 * MARGIN, len(lines) * LINE + 2 * MARGIN
    texts = [
        f'<text x="{MARGIN}" y="{MARGIN + FONT + k * LINE}" fill="{COLORS[color]}">{escape(line)}</text>'
        for k, (color, line) in enumerate(lines)
    ]
    title = "A terminal: training on Tiny Shakespeare for a minute, a sample, and the bits of two lines"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" role="img">',
            f"<title>{title}</title>",
            f'<rect width="100%" height="100%" rx="8" fill="{COLORS["ground"]}"/>',
            f'<g font-family="ui-monospace, Menlo, monospace" font-size="{FONT}" xml:space="preserve">',
            *texts,
            "</g></svg>\n",
        ]
    )


if __name__ == "__main__":
    (Path(__file__).parent / "demo.svg").write_text(picture(shown()), encoding="utf-8")
