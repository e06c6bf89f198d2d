"""Learns beside the classifier from feedback and examples (`unsay learn`); what serves it is server/learned.py."""
