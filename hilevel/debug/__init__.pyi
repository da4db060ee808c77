from hilevel.debug.nan_callback import record_nan as record_nan
from hilevel.debug.nan_check import trace_nan as trace_nan
from hilevel.debug.nan_record import NaNRecord as NaNRecord, open_nan as open_nan
