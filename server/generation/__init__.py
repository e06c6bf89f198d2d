"""One guarded generation: the driver that carries out the guard's commands, and the transcript.

Tokens and characters meet here and nowhere else. Knows the engine and the scorer by their ports only.
"""
