"""Feedback: what was answered, what users say of it, and what reviewers say of both, in a database.

The only folder that knows SQLAlchemy and Alembic. The routes are in server/api/feedback.py and review.py.
"""
