"""The compiler: scalar code in, matrix products out. See `compiled.compile`.

Nothing is imported here: optimisers ask `store` whether there are compiled programs, and need no compiler for that.
"""
