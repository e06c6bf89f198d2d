"""What the server tells of itself: metrics, logs without text, and preference pairs."""
