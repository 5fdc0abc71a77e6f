"""The files to mark are read by test_marker_files.py; pytest itself leaves them alone."""

collect_ignore_glob = ["*/*.py"]
