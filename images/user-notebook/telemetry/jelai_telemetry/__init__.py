"""What a student does in a notebook, as one JSON object a line in a file.

The notebook server's configuration calls `exporter.configure`. `mask` and `sink` are light to import: Juno's programs
use them too.
"""
