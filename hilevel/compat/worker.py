"""The main module in processes that `multiprocessing` starts for a script of `hilevel run`."""

from hilevel.compat.run import run_in_worker

if __name__ == "__mp_main__":
    run_in_worker(globals())
