"""Static reviewers: they read code and run none of it."""
