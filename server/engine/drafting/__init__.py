"""Drafting for one choice, in our process: the engines behind the port of server/generation/draft.py."""
