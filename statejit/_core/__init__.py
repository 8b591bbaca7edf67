"""The engine: it watches, traces, plans and commits, and knows no transformation.

From the ground up: `slots` (what a place of state is), `numbers` (Python numbers as host
expressions), `containers` (overlay copies of lists and their kin), `frames` (the overlay of one
trace), `cells` and `base` (what sends reads and writes to the frame), `ground` (the real objects,
every look-up a node), `codes`, `outside` and `monitoring` (what functions load past the objects),
`pictures`, `positions` and `changes` (what was changed there), `recipes` (how effects and results
are rebuilt), `discovery` (one run of the user's code), `source`, `guards`, `hotpath` and `plan`
(what was found, as straight-line Python), `inner` (the commit to an enclosing trace), `lift` (plans
kept by code, and called).
"""
