"""The only folder that imports Ray: connecting, running trials, showing progress."""
