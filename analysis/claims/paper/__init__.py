"""Lists the claims of the paper by section, and the numbers that it publishes."""
