"""A simulated country: its certificates, agencies, offices and traffic, and the check of what a node says about it.

A client of the public HTTP API like any other: it knows the format and signatures, and nothing of a node's inside.
"""
