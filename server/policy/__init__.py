"""What is let through, at what cost, and who may ask for less: policies, their files, and the policy of one request."""
