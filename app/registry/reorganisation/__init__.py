"""Reorganisations: many agencies opened, closed, merged, split, renamed and moved from one day on, as one plan.

Written or sent, a plan is read (`reading`) into values (`plan`); what each agency is to become is gathered from all
steps together, in whatever order they stand (`intentions`), and laid over the directory and judged (`order`). `acts`
does it: dry run, at once, on its day, or not at all; `effects` says what it does to others. Decision 0010.
"""
