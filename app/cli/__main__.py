"""`python -m app.cli`, the same as `truc`."""

from app.cli import main

main()
