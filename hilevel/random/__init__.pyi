from hilevel.random.functions import (
    categorical as categorical,
    dropout as dropout,
    normal as normal,
    randint as randint,
    shuffle as shuffle,
    truncated_normal as truncated_normal,
    uniform as uniform,
)
from hilevel.random.gamma_values import (
    beta as beta,
    binomial as binomial,
    gamma as gamma,
)
from hilevel.random.seed import (
    SeedGenerator as SeedGenerator,
    make_seed as make_seed,
    set_random_seed as set_random_seed,
)
