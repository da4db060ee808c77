from hilevel.debug.nan_check import trace_nan as trace_nan
