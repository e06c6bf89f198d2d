"""`unsay bench`: the guarded server against plain vLLM, side by side under load. Figures; nothing is asserted on time.

The walk: `command` reads the options, `plan` says which cells there are, `phases` starts the servers (`serving`, in a
process of their own, watched by `process` and `usage`) and `rounds` puts `load` on them through `wire`; `measures`
makes figures of answers, usage and metrics (`scrape`), `results` writes them. `grown` makes a larger model. `onset`
stands alone: how well the guard finds where a text turns.
"""
