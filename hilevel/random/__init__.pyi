from hilevel.random.functions import (
    binomial as binomial,
    categorical as categorical,
    dropout as dropout,
    normal as normal,
    randint as randint,
    shuffle as shuffle,
    truncated_normal as truncated_normal,
    uniform as uniform,
)
from hilevel.random.seed import (
    SeedGenerator as SeedGenerator,
    make_seed as make_seed,
    set_random_seed as set_random_seed,
)
