"""A report shows it: terminal tables and the web page, from plain rows."""
