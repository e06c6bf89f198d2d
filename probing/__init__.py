"""Fits a probe: what a model's own hidden states say of the text that it writes (`unsay fit-probe`).

The model writes (writing.py) or is given texts to read, the gate labels windows of them as the guard would have them
judged (windows.py), and linear heads are solved for (heads.py). Nothing of a text is printed or kept.
"""
