from hilevel.ops.core.gradients import jvp as jvp
from hilevel.ops.linalg.determinants import (
    det as det,
)
from hilevel.ops.linalg.factors import (
    cholesky as cholesky,
    cholesky_inverse as cholesky_inverse,
    lu_factor as lu_factor,
    qr as qr,
)
from hilevel.ops.linalg.norms import norm as norm
from hilevel.ops.linalg.solving import (
    inv as inv,
    lstsq as lstsq,
    matrix_power as matrix_power,
    pinv as pinv,
    solve as solve,
    solve_triangular as solve_triangular,
)
from hilevel.ops.linalg.spectra import (
    eig as eig,
    eigh as eigh,
    matrix_rank as matrix_rank,
    svd as svd,
)
