"""Feedback as it is exported, over the sentences of the demonstration."""

from examples.learning_demo import INSULT, PLAIN, reports, sentences

MISSED = [text.format(word=INSULT) for text in sentences("insult")]
PLAIN_ONES = [text.format(word=PLAIN) for text in sentences("insult")]
REPORTS = reports(MISSED[:40], "missed")
