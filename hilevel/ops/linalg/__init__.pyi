from hilevel.ops.core.gradients import jvp as jvp
from hilevel.ops.linalg.norms import norm as norm
