from hilevel.testing.conformance import check_backend as check_backend
from hilevel.testing.gradients import check_gradients as check_gradients
