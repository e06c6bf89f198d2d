"""What evaluation, benchmarks and training share: their options, how they tell how far they are, and what they show.

`options` reads the values of a command line, `progress` tells how a run gets on, `statistics` says how surely a figure
is known, and `markdown` and `charts` show figures as tables and pictures. It imports none of those that use it.
"""
