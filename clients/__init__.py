"""Other people's clients, run against one server: what of the guard can be seen through each."""
