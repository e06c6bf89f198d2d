"""The dashboards: as code, and asked panel by panel of a real Prometheus that reads real servers under load.

prometheus.py  Prometheus with our configuration
judging.py     a scorer by words, of which one breaks it
load.py        requests that provoke all that panels show
seen.py        two servers, Prometheus and the load, and what a panel's queries return
page.py        writes docs/dashboards.md: `python -m tests.dashboards`
"""
