"""The options of the programs of the gallery, the check at their end, and a picture of images."""

import argparse

import numpy as np


def run(main, about, **more):
    """Call `main` with the options of the command line: `--quick`, and the names in `more`."""
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


def save_images(path, images):
    """Draw rows of images with matplotlib: shape (rows, columns, height, width), values from 0, white, to 1, black."""
    import matplotlib.pyplot as plt

    framed = np.pad(images, [(0, 0), (0, 0), (1, 1), (1, 1)])
    rows = np.concatenate(np.concatenate(framed, axis=1), axis=1)
    plt.imsave(path, np.kron(rows, np.ones((4, 4))), cmap="gray_r", vmin=0, vmax=1)
