"""The laboratory of the interop tests: a private network, the real server, phones that no one here wrote, ears on the wire."""
