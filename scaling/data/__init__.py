"""Images: data sets, and the sources that training draws from (section 4.1)."""
