"""The options of `unsay serve` that are about feedback, and the one that names its database."""

import argparse

from reporting.options import within


def add_feedback(group: "argparse._ArgumentGroup") -> None:
    """Add all of them."""
    add_database(group)
    group.add_argument(
        "--feedback-days",
        type=within(0, 36500),
        metavar="DAYS",
        help="after which what is kept of an answer is deleted (default: 90; 0: never)",
    )
    group.add_argument(
        "--review-sample",
        type=within(0, 1),
        metavar="SHARE",
        help="of all answers whose text is kept, for reviewers to see (default: .01)",
    )
    group.add_argument(
        "--review-twice",
        type=within(0, 1),
        metavar="SHARE",
        help="of what reviewers see, for two of them (default: .2)",
    )


def add_database(group: "argparse._ActionsContainer") -> None:
    """Add the option that names the database of feedback."""
    group.add_argument(
        "--feedback-db",
        metavar="URL",
        help="keep feedback in a database: a FILE (SQLite), or postgresql://USER@HOST/NAME; with a password only as"
        " UNSAY_FEEDBACK_DB",
    )
