"""The pure decision: what may be released, what must be rewound, when to stop.

One line with four marks describes every state of one choice, in token indices from the first generated token:

    0 ------- released ------- cleared ------- submitted ------- drafted
      sent, final       clean, held      with the scorer    fresh from the
                        back             right now          engine

Rules of the folder: no asyncio, no vllm, no torch, no clock, no randomness. `advance` takes a state and an event and
returns the next state and the commands to carry out; a rewind is just a smaller state.
"""
