"""The delivery log: what happened, in an order nobody can change unseen.

`events` says what an event is, `canonical` gives the bytes it is hashed by, `seal` gives committed events their index
and folds them into the figures, `check` recomputes all of it from the database. `tree` and `proofs` know the tree over
all events, `publish` signs how far it has come, `published` is what of it is given out, `cosigning` takes in what
witnesses sign, and `witness` is one. Writing an event is part of the transaction that changes the state it reports;
nothing else writes events.
"""
