"""Run the command line with ``python -m pertimage.web``."""

from pertimage.web.cli import main

main()
