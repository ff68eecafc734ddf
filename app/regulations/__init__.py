"""Rules of exchange that move with the law: dated, each with its source, and the working calendar they count in.

What regulations leave open stays a value here that an operator can change from a date on, never a constant in the code
that applies it.
"""
