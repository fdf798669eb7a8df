"""The yardsticks: the smallest that can be said to do the same, as good as one can reasonably make it."""
