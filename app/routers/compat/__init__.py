"""Doors for systems that were built for other exchanges: they change an address and a secret, and nothing else.

Each module here translates one foreign protocol into the calls of `exchange` and `registry` that REST v1 makes too.
Nothing is decided, counted or kept here that those do not decide, count or keep (ours, decision 0027).
"""
