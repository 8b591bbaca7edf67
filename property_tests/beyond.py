"""What drawn programs reach past attributes: globals, closures, foreign objects, class dictionaries.

The templates have the holes of `drawn`: P a node, A an array or number, I an int, F a float.
"""

from __future__ import annotations

HEADER = """
RATE = 1.5
UP = True
ROWS = [1.0, 2.0]
TABLE = {"a": 2.0, "v": jnp.full(2, 0.5)}
GRID = np.full(2, 0.25, np.float32)
CELL = Array(jnp.ones(2))
OTHER = Node(8.0)

class Settings:
    depth = 2

    def __init__(self):
        self.gain = 0.5
        self.table = {"b": 1.0}

    def scaled(self, x):
        return x * self.gain

SETTINGS = Settings()

def scaled(x):
    return x * RATE

def shifted(x, by=0.5, *, times=1.0):
    return x * times + by

def make():
    count, rows = 1.0, [0.5]
    def read(x):
        return x + count + rows[0]
    def turn(to):
        nonlocal count
        count = to
    def grow(to):
        rows[0] = to
    return read, turn, grow

closed_over, turn, grow = make()
part = functools.partial(shifted, by=2.0)
work = types.SimpleNamespace(rate=2.0, fun=scaled)

def outside():
    return (RATE, UP, ROWS, TABLE, GRID, CELL, OTHER, vars(SETTINGS), Settings.depth, vars(work),
            shifted.__defaults__, shifted.__kwdefaults__, closed_over(0.0), Root.scale)
"""

ROOT = """
class Root(Base):
    scale = 0.5
    mood = "loud"

    def loud(self):
        return type(self).mood == "loud"

    def rescaled(self, x):
        return x * self.scale

    @classmethod
    def factor(cls):
        return cls.scale

    @staticmethod
    def plus(x):
        return x + 1
"""
"""The class that `Node` derives from in these programs."""

METHODS = """
    def rescaled(self, x):
        return super().rescaled(x) * super().scale

    @functools.cached_property
    def cached(self):
        return self.w * 2.0
"""

READS = (
    *(
        "RATE * {A}",
        "({A} if UP else -{A})",
        "({A} if {P}.loud() else 0.0)",
        "ROWS[0] * {A}",
        "sum(ROWS, {A})",
        "TABLE['a'] * {A}",
        "{A} + TABLE['v']",
    ),
    *("{A} + jnp.asarray(GRID)", "{A} + CELL", "OTHER.w * {A}", "OTHER.t * {A}", "len(ROWS) * {A}"),
    *("SETTINGS.gain * {A}", "SETTINGS.scaled({A})", "SETTINGS.depth + {A}", "part({A})"),
    *("SETTINGS.table['b'] + {A}", "scaled({A})", "shifted({A})", "closed_over({A})"),
    *("work.rate * {A}", "work.fun({A})", "{P}.rescaled({A})", "{P}.factor() * {A}"),
    *("{P}.plus({A})", "type({P}).scale * {A}", "{P}.__class__.scale * {A}", "Root.scale * {A}"),
    *("vars({P})['w'] + {A}", "{P}.__dict__['t'] * {A}", "vars({P}).get('n', 0) + {A}"),
    *("getattr({P}, 't') * {A}", "{P}.cached + {A}", "copy.copy({P}).w + {A}"),
    *("sum([v for v in ROWS]) + {A}", "max(TABLE['a'], RATE) * {A}", "weakref.ref({P})().w + {A}"),
    *(
        "copy.deepcopy({P}.xs)[0] + {A}",
        "operator.attrgetter('t')({P}) * {A}",
        "{A} + next(iter(ROWS), 0)",
    ),
)
WRITES = (
    *("vars({P})['t'] = {F}", "{P}.__dict__.update(w={A})", "setattr({P}, 'w', {A})"),
    *("{P}.__dict__['extra'] = {A}", "vars({P}).pop('extra', None)", "OTHER.w = {A}"),
    *("OTHER.n += 1", "CELL[0] = {F}", "{P}.o = copy.copy({P})", "{P}.o = copy.deepcopy({P}.o)"),
    *("{P}.g = shifted", "{P}.g = part", "{P}.g = scaled", "{P}.g = SETTINGS.scaled"),
    *("vars({P}).pop('cached', None)", "{P}.ys.append(ROWS[0])", "{P}.h = TABLE['v']"),
    "{P}.xs = list(ROWS)",
)
REFUSED = (
    *("ROWS.append({F})", "ROWS[0] = {F}", "TABLE['c'] = {A}", "TABLE.pop('a')", "turn({F})"),
    *("grow({F})", "SETTINGS.gain = {F}", "SETTINGS.late = {A}", "SETTINGS.table['b'] = {F}"),
    *("Root.scale = {F}", "type({P}).k = {F}", "globals()['RATE'] = {F}", "work.rate = {F}"),
    *("GRID[0] = {F}", "Settings.depth = 3", "shifted.__defaults__ = ({F},)", "del work.rate"),
    *("object.__setattr__({P}, 'w', {A})", "object.__setattr__({P}, 't', {F})"),
    *("object.__delattr__({P}, 'h')", "x = object.__getattribute__({P}, 'w') + x"),
)
"""What may be refused, since a compiled program could not do it again."""
REFUSED = tuple(f"{statement}  # refused" for statement in REFUSED)
TURNS = {
    "UP": ("globals().update(UP=not UP)",),
    "loud": ("Root.mood = 'calm'", "Node.mood = 'calm'", "Root.mood = 'loud'"),
    "RATE": ("globals().update(RATE={F})", "globals().update(RATE=2)"),
    "ROWS": (
        "ROWS.append({F})",
        "ROWS[0] = {F}",
        "ROWS[:] = [1.0]",
        "globals().update(ROWS=[8.0])",
    ),
    "TABLE": ("TABLE['a'] = {F}", "TABLE['v'] = {P}.v", "globals().update(TABLE=dict(TABLE))"),
    "GRID": ("GRID[0] = {F}", "globals().update(GRID=GRID + 1)"),
    "CELL": ("CELL[0] = {F}", "globals().update(CELL=Array(jnp.zeros(2)))"),
    "OTHER": ("OTHER.w = {P}.v", "OTHER.t = {F}", "globals().update(OTHER={P})"),
    "gain": ("SETTINGS.gain = {F}", "globals().update(SETTINGS=Settings())"),
    "depth": ("Settings.depth = {I}", "SETTINGS.depth = 0"),
    "table": ("SETTINGS.table['b'] = {F}", "SETTINGS.table = {{'b': 4.0}}"),
    "SETTINGS": ("SETTINGS.scaled = scaled", "SETTINGS.gain = {F}", "Settings.scaled = {P}.plus"),
    "scaled": ("globals().update(scaled=shifted)", "scaled.__code__ = halve.__code__"),
    "shifted": ("shifted.__defaults__ = ({F},)", "shifted.__kwdefaults__['times'] = {F}"),
    "closed_over": ("turn({F})", "grow({F})"),
    "part": ("globals().update(part=scaled)", "part.keywords['by'] = {F}"),
    "work": ("work.rate = {F}", "work.fun = shifted"),
    "scale": ("Root.scale = {F}", "{P}.scale = {F}", "Node.scale = {F}"),
    "factor": ("Root.scale = {F}", "Node.scale = {F}", "Root.factor = Root.plus"),
    "rescaled": ("Root.rescaled = lambda self, x: x - 1", "{P}.rescaled = double"),
    "plus": ("Root.plus = staticmethod(halve)", "{P}.plus = double"),
    "cached": ("vars({P}).pop('cached', None)", "vars({P})['cached'] = {P}.w"),
    "__dict__": ("vars({P})['t'] = {F}", "object.__setattr__({P}, 't', {F})"),
    "getattr": ("vars({P})['t'] = {F}", "object.__setattr__({P}, 't', {F})"),
}
"""What turns over what is outside, by a word in the source of programs that reach for it."""
