"""A static site of the executed notebooks: plain pages and pictures that open from a folder, offline."""
