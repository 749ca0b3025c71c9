"""The command line and what tells about an installation: demo, plot, versions, warmup, stubs."""
