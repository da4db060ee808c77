"""What the JAX backend does to be fast: the same values and gradients as the plain forms, and memory that is kept."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

pytest.importorskip("jax")

FAULTS = """
import resource
import hilevel, jax, jax.numpy as jnp
from hilevel.backends import current_backend
current_backend()
f = jax.jit(lambda x: (jnp.sin(x[:, None] * jnp.arange(4000.0)) @ jnp.ones((4000, 4))).sum())
x = jnp.ones(2500, "float32")
faults = []
for _ in range(12):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    f(x).block_until_ready()
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(min(faults))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be asked to keep memory")
def test_the_memory_of_a_program_is_used_again_by_its_next_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HILEVEL_BACKEND", "jax")
    monkeypatch.setenv("JAX_ENABLE_X64", "0")
    run = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 3000  # of 9800 pages that it needs
