"""Training on several devices of a CPU equals training on one. Each test runs a program with four devices."""

from __future__ import annotations

from pathlib import Path

import pytest
from launch import run


@pytest.mark.slow
def test_all_families_of_layers_on_several_devices(tmp_path: Path) -> None:
    found = run("equality", tmp_path)
    assert len(found) == 4 and max(found.values()) < 2e-6, found


@pytest.mark.slow
def test_settings_of_training(tmp_path: Path) -> None:
    found = run("options", tmp_path)
    assert len(found) == 3 and max(found.values()) < 2e-6, found


@pytest.mark.slow
def test_weights_divided_over_an_axis_of_the_model(tmp_path: Path) -> None:
    found = run("model_axis", tmp_path)
    assert found["difference"] < 2e-6
    assert found["parts"] == [[25, 8], [25, 8]]


@pytest.mark.slow
def test_a_step_sums_gradients_and_moves_nothing_else(tmp_path: Path) -> None:
    for name, (weights, moved, compilations) in run("traffic", tmp_path).items():
        assert set(moved) == {"all-reduce"}, (name, moved)
        assert weights <= moved["all-reduce"] <= weights + 2000, (name, moved)
        assert compilations == [1], name


def test_weights_are_made_in_parts(tmp_path: Path) -> None:
    assert run("made_in_parts", tmp_path) == {"difference": 0.0, "share": 0.25}


@pytest.mark.slow
def test_plain_python_has_the_whole_batch_on_each_device(tmp_path: Path) -> None:
    found = run("eager", tmp_path)
    assert found["difference"] < 2e-6
    assert "Compile the step" in found["error"]


@pytest.mark.slow
def test_thousands_of_steps_in_two_threads_end(tmp_path: Path) -> None:
    assert run("many_steps", tmp_path) == {"steps": [2000, 2000]}


@pytest.mark.slow
def test_long_sequences_are_computed_on_all_cores(tmp_path: Path) -> None:
    found = run("all_cores", tmp_path, devices=2)
    assert found["difference"] < 2e-6, found
    assert found["devices"] == [[1], [1, 2]]  # the last batch is too small


@pytest.mark.slow
def test_thousands_of_divided_steps_in_two_threads_end(tmp_path: Path) -> None:
    assert run("many_divided_steps", tmp_path, devices=2) == {"steps": [1000, 1000]}
