"""The gateway: our routes, the policy of each request, and the reports that we add to vLLM's answers."""
