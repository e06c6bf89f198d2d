"""What evaluation, benchmarks and training share: their options, how they report progress, and what they show.

`options` reads the values of a command line, `progress` reports how far a run is, `statistics` says how certain a
figure is, and `markdown` and `charts` show figures as tables and pictures. It imports none of those that use it.
"""
