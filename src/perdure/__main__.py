"""``python -m perdure``: the command, with whichever Python this is."""

from perdure.cli import main

main()
