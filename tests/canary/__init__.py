"""What a coming version of vLLM breaks, before it is installed: `make canary` (VLLM=0.34.0, VLLM=rc, or a wheel).

wheel.py       the sources of a vLLM, out of its wheel, with what it needs beside them
names.py       every name that is imported from it, and where those are now that are no longer where they were
__main__.py    the names one by one, and then the tests that know vLLM from within, over these sources

Nothing of it is run but Python: no wheel of a coming version has a build for this machine. So what the tests here say
goes for the scheduler, the grammars and the interfaces; what runs on a GPU is only read.
"""
