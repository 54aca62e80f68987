"""The books over REST: all that may be read of them, and the close of a day."""
