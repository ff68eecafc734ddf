"""Figures, computed from nothing but sealed events.

`measures` says which event counts where, `fold` adds events up by month, `reports` reads the sums. The fold runs in
the sealer's transaction, in index order, so a figure always covers a known length of the ledger and a recount from
zero gives the same.
"""
