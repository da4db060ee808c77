"""Training in several processes that are connected over the loopback device."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import programs
import pytest
from launch import results, run, start

pytestmark = pytest.mark.slow


def test_whole_arrays_in_each_process(tmp_path: Path) -> None:
    first, second = results("arrays", tmp_path)
    one = run("arrays", tmp_path, devices=1)
    assert programs.difference(first, second) == 0.0
    assert programs.difference(first, one) < 2e-6
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 3
    assert sorted(p.name for p in tmp_path.glob("*m.hilevel*")) == ["m.hilevel"]


def test_a_part_of_the_data_in_each_process(tmp_path: Path) -> None:
    first, second = results("parts", tmp_path)
    assert programs.difference(first, second) == 0.0
    assert programs.difference(first, run("parts", tmp_path, devices=1)) < 2e-6


@pytest.mark.parametrize(
    ("task", "module"),
    [
        ("grain", "grain"),
        ("grain_by_index", "grain"),
        ("torch", "torch"),
        ("hugging_face", "datasets.arrow_dataset"),
    ],
)
def test_data_sets_of_other_libraries_in_each_process(task: str, module: str, tmp_path: Path) -> None:
    pytest.importorskip(module)
    first, second = results(task, tmp_path)
    assert programs.difference(first["weights"], second["weights"]) == 0.0
    assert programs.difference(first, run("parts", tmp_path, devices=1)) < 2e-6


def test_an_epoch_ends_with_the_shortest_iterator(tmp_path: Path) -> None:
    first, second = results("streams", tmp_path)
    assert first["steps"] == second["steps"] == 3
    assert first["warned"] and not second["warned"]
    assert programs.difference(first["weights"], second["weights"]) == 0.0


def test_an_axis_of_the_model_across_processes(tmp_path: Path) -> None:
    first, second = results("model_across", tmp_path, devices=2)
    assert programs.difference(first, second) == 0.0
    assert programs.difference(first, run("arrays", tmp_path, devices=1)) < 2e-6


def test_equal_weights_without_a_seed(tmp_path: Path) -> None:
    first, second = results("no_seed", tmp_path)
    assert first == second


def test_training_goes_on_with_another_number_of_devices(tmp_path: Path) -> None:
    whole = run("resumed", tmp_path, devices=1)
    for process in start("broken", tmp_path):
        process.communicate(timeout=300)
    for devices in (1, 4):
        folder = tmp_path / str(devices)
        shutil.copytree(tmp_path / "state", folder / "state")
        found = run("resumed", folder, devices=devices)
        assert found["first"] == 1 and programs.difference(found, whole | {"first": 1}) < 2e-6


@pytest.mark.parametrize(("task", "how"), [("stop", "ended"), ("interrupt", "interrupted")])
def test_all_processes_stop_after_the_same_step(task: str, how: str, tmp_path: Path) -> None:
    first, second = results(task, tmp_path)
    assert first["how"] == second["how"] == how
    assert first["steps"] == second["steps"] == 4


@pytest.mark.parametrize(("task", "reason"), [("kill", "it was killed"), ("error", "ValueError: a mistake")])
def test_the_loss_of_a_process_ends_the_others(task: str, reason: str, tmp_path: Path) -> None:
    first, last = start(task, tmp_path)
    last.communicate(timeout=120)
    ended = time.monotonic()
    _, errors = first.communicate(timeout=120)
    assert time.monotonic() - ended < 5
    assert first.returncode not in (0, None)
    assert f"Process 1 of the program has ended: {reason}" in errors


@pytest.mark.parametrize(
    ("task", "what"),
    [
        ("other_data", "The values of the data differ between process 0 and process 1"),
        ("other_code", "another program"),
    ],
)
def test_processes_that_differ_are_told(task: str, what: str, tmp_path: Path) -> None:
    processes = start(task, tmp_path)
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert what in errors
        assert process.returncode
