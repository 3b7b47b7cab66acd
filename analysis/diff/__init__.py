"""Two results side by side: what differs in settings, code, data and, beyond noise, in numbers."""
