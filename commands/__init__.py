"""The command line: what is above the server and its tools, and starts them. Nothing imports it."""
