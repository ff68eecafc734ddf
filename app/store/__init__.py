"""SQL and blobs: the only room that imports SQLAlchemy.

Owns the tables, the two ways to a transaction (`Database.read`, `Database.write`) and the content-addressed bodies.
Each query is a function named for the question it answers, takes the transaction first and never ends it. Nothing here
decides anything.
"""
