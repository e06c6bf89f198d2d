"""Two API servers over two engine cores, as an operator starts them: what clients see, and what is left at the end.

house.py     the processes, started once
streams.py   64 clients at once, with rewinds, and what became of their answers
table.py     what was seen, for docs/servers.md (`python -m tests.servers`)
"""
