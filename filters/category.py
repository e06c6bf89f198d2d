"""What a score is about. Any name may be a category: a scorer declares its own, a threshold names them."""

Category = str

# The standard names of detoxify's models, after its renaming of the Jigsaw labels.
KNOWN_CATEGORIES: tuple[Category, ...] = (
    "toxicity",
    "severe_toxicity",
    "obscene",
    "threat",
    "insult",
    "identity_attack",
    "sexual_explicit",
)
