"""A year of exchange, played under a steered clock, and counted a second time by somebody who does not trust the node.

The script is made from a seed before anything is sent (`script`), agencies' offices play it over HTTP (`play`), what
they did and were answered goes into books of their own (`books`), and from the books alone come the figures that the
node's are compared with (`comparison`). Nothing here uses the node's calendar, states, measures or sums.
"""

from app.simulation.year.whole import DOCUMENTS as DOCUMENTS
from app.simulation.year.whole import START as START
from app.simulation.year.whole import YearWishes as YearWishes
from app.simulation.year.whole import play_year as play_year
