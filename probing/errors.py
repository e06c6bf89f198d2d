"""What can go wrong in fitting a probe."""


class ProbeError(Exception):
    """A probe cannot be fitted. The message is one line that names what was found and what is expected."""
