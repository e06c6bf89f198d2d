"""The dashboards of Grafana as code. `python -m dashboards` writes the files in deploy/monitoring/grafana/dashboards.

queries.py    PromQL in which the dashboards' variables filter
panels.py     a panel: what it shows, in which unit, by which queries
board.py      a dashboard of rows of panels, as Grafana reads it
toxicity.py   what the model would have said, and what the guard made of it
cost.py       what that took: time, tokens, the scorer
health.py     how engines, scorers, keys and files fare
"""
