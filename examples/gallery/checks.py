"""The options of the programs of the gallery, and the check at their end."""

import argparse


def run(main, about, **more):
    """Call `main` with the options of the command line: `--quick`, and those in `more`."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a short training with an easier check")
    for name, default in more.items():
        parser.add_argument(f"--{name}", type=type(default), default=default)
    main(**vars(parser.parse_args()))


def check(learned, figure):
    """Print the figure that a model reached, or raise SystemExit if it is not good enough."""
    if not learned:
        raise SystemExit(f"Not learned: {figure}")
    print(f"Learned: {figure}")
