"""A recurrent network as a loop, and the same network step after step."""

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

INK = "#010203"
COLORS = {"x": "C0", "h": "C2", "o": "C1"}
HEIGHT = {"x": 0.0, "h": 1.0, "o": 2.0}


def box(ax: Axes, x: float, kind: str, label: str) -> None:
    """Draw one layer at one time."""
    corner = (x - 0.22, HEIGHT[kind] - 0.18)
    ax.add_patch(
        FancyBboxPatch(corner, 0.44, 0.36, "round,pad=0.03", facecolor="none", edgecolor=COLORS[kind], lw=1.6)
    )
    ax.text(x, HEIGHT[kind], label, ha="center", va="center")


def arrow(
    ax: Axes, start: tuple[float, float], end: tuple[float, float], label: str, bend: float = 0
) -> None:
    """Draw one product with a matrix."""
    style = {
        "arrowstyle": "-|>",
        "color": INK,
        "connectionstyle": f"arc3,rad={bend}",
        "shrinkA": 0,
        "shrinkB": 0,
    }
    ax.annotate("", end, start, arrowprops=style)
    across = start[1] == end[1]
    middle = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    ax.text(
        middle[0] + 0.07 * (not across),
        middle[1] + 0.1 * across,
        label,
        ha="center" if across else "left",
        style="italic",
    )


def column(ax: Axes, x: float, t: str) -> None:
    """Draw one step."""
    for kind in "xho":
        box(ax, x, kind, f"${kind}_{{{t}}}$")
    arrow(ax, (x, 0.22), (x, 0.78), "U")
    arrow(ax, (x, 1.22), (x, 1.78), "V")


def draw() -> Figure:
    """Draw the loop on the left and four steps on the right."""
    figure, ax = plt.subplots(figsize=(7, 2.9))
    column(ax, 0, "t")
    loop = {"arrowstyle": "-|>", "color": INK, "connectionstyle": "arc3,rad=-2.2"}
    ax.annotate("", (0.25, 0.84), (0.25, 1.16), arrowprops=loop)
    ax.text(0.72, 1, "W", va="center", style="italic")
    ax.text(1.55, 1, "=", ha="center", va="center", fontsize=16)
    for k in range(4):
        column(ax, 2.6 + 1.1 * k, str(k + 1))
        arrow(ax, (1.72 + 1.1 * k + (k == 0) * 0.2, 1), (2.34 + 1.1 * k, 1), "W")
    ax.text(1.9, 0.72, "$h_0$", ha="center")
    arrow(ax, (6.16, 1), (6.6, 1), "W")
    ax.text(6.7, 1, "…", va="center")
    ax.set(xlim=(-0.5, 6.9), ylim=(-0.3, 2.3), aspect="equal")
    ax.axis("off")
    return figure
