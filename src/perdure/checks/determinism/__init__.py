"""Finds workflow code that a replay would not repeat, before a replay does.

Temporal runs workflow code again from its history, and the code must then do the same. The SDK's sandbox
refuses some of what would not, at run time, in the line that happens to run, and nothing of it in modules
that are passed through. This package reads the code instead: it starts at every handler of every workflow,
follows calls through the project and its installed packages, and reports what it reaches with the way there.

``checking.check`` is the whole of it. From there: ``discovery`` finds workflows, ``bodies`` reads a
function's syntax, ``inference`` says what an expression may be, ``calls`` which functions it runs,
``declarations`` what is known of libraries, and each file named ``*_rules`` finds one family of mistakes.
"""
