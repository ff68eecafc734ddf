"""The rules, one function per clause, by the part of the message they look at."""
