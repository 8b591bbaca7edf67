"""The engine: it watches, traces, plans and commits, and knows no transformation.

From the ground up: each module imports only what stands before it.

- Where state lives: `slots` (what a place of state is), `windows` (what a cell may hold in the
  place of an array), `paths` (the way to a value, as a person writes it), `places` (which code is
  the user's), `codes` (what code refers to), `numbers` (Python numbers as host expressions),
  `containers` (overlay copies of lists and their kin), `hidden` (content that no attribute shows).
- What is watched: `frames` (the overlay of one trace), `cells` (arrays with identity), `memory`
  (which numbers vary), `caught` (errors that only a trace has) and `advice` (what they tell),
  `monitoring` (which code runs), `base` (what sends reads and writes to the frame), `nodes` (what
  was found, and from where), `positions` (iterators and their kin), `pictures` (how something stood
  before), `ground` (the real objects, every look-up a node).
- Past the objects: `outside` (what functions load), `changes` and `bypasses` (what was written
  there, or past the watch, is put back and refused), `captures` (the same within a trace).
- One run of the user's code: `derived` (what is computed of numbers), `repeats` (equal layers),
  `evaluation` (the traced program as a function), `opening` (constants become inputs), `statics`
  (what is kept as it is), `recipes` (how effects and results are made again) and `writing` (what
  the frame holds becomes recipes), `discovery` (the run), `inner` (its commit to an enclosing
  trace).
- Calls: `source` (Python text in the making), `donation` and `packing` (whose memory is used again,
  and which arrays lie together), `guards` and `hotpath` (what was found, as straight-line Python),
  `equality` (which plans share a program), `executable` (the compiled program), `plan` (all of it,
  ready to be called), `lift` (plans kept by code: what every transformation is made of).
"""
