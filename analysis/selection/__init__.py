"""Selects what is drawn: rows, the trials of a study, chosen trials, best epochs, a bound."""
