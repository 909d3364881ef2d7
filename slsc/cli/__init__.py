"""The command line: one module a verb, its docstring the help text."""
