"""Evaluation of a running server by the protocol of RealToxicityPrompts, with and without the guard, in one run.

The walk: `command` reads the options, `prompts` the texts to go on from, `generate` asks the server through `client`
and writes what comes back to a `journal`; `judges` and `perplexity` score it afterwards; `figures` says what is counted
and `reporting.statistics` how certain it is; `summary`, `report` and `pairs` write the results.
"""
