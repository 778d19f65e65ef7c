"""The report: one page of HTML about a network, its own charts and script in it, nothing fetched.

passage.py naming.py        what is read, and how each step is shown
measuring.py signals.py     the numbers
packing.py carrying.py      numbers that a page carries for its script
lettering.py figures.py answers.py run_part.py    the text, charts and tables as HTML
page.py, parts/             the page
paying.py                   what symbols cost, for a terminal
"""

from .page import BEGIN, LENGTH, report
from .paying import Paid, paid_text

__all__ = ["BEGIN", "LENGTH", "Paid", "paid_text", "report"]
