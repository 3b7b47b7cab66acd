"""Tests for double descent along the path of Figure 8, and words the verdict (section 5.7)."""
