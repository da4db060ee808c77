"""`plot_model`: the boxes and edges of a picture, their places, and the files."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import hilevel
from hilevel import layers, ops, utils
from hilevel.errors import ArgumentError
from hilevel.utils import model_plot
from hilevel.utils.model_plot_boxes import Box, Contents, Diagram, diagram_of
from hilevel.utils.model_plot_layout import Layout, layout_of, spread

SVG = "{http://www.w3.org/2000/svg}"


def boxes(svg: str) -> list[list[str]]:
    """The texts of each box."""
    found = ElementTree.fromstring(svg).iter(f"{SVG}g")
    return [
        ["".join(t.itertext()) for t in g.findall(f"{SVG}text")] for g in found if g.get("class") == "box"
    ]


def titles(svg: str) -> list[str]:
    return [texts[0] for texts in boxes(svg)]


def edges(model: Any, **contents: bool) -> list[tuple[str, str]]:
    diagram = diagram_of(model, Contents(names=True, **contents))
    names = [box.title.partition(" ")[0] for box in diagram.boxes]
    return [(names[a], names[b]) for a, b in diagram.edges]


def branched() -> Any:
    """Two inputs through one shared model, an input that joins late, a layer called on its own result."""
    a, b, late = (hilevel.Input((n,), name=name) for n, name in ((8, "a"), (8, "b"), (2, "late")))
    encoder = hilevel.Sequential(
        [layers.Input((8,)), layers.Dense(4, name="e1"), layers.Dense(3, name="e2")], name="enc"
    )
    joined = layers.Concatenate(name="join")([ops.abs(encoder(a) - encoder(b)), late, a])
    again = layers.Dense(13, activation="relu", name="again")
    x = again(layers.Dropout(0.5, name="drop")(again(again(joined))))
    return hilevel.Model([a, b, late], [layers.Dense(1, name="one")(x), layers.Dense(2, name="two")(joined)])


def residual() -> Any:
    x = entry = hilevel.Input((4,), name="x")
    for i in range(3):
        y = layers.Dense(4, name=f"p{i}")(layers.Dense(4, name=f"q{i}")(x))
        x = layers.Add(name=f"add{i}")([x, y])
    return hilevel.Model(entry, layers.Dense(1, name="out")(layers.Concatenate(name="all")([x, entry])))


class Subclassed(hilevel.Model):
    def __init__(self) -> None:
        super().__init__()
        self.first = layers.Dense(3, name="first")
        self.second = layers.Dense(2, name="second")

    def call(self, inputs: Any) -> Any:
        return self.second(self.first(inputs))


def test_the_edges_are_the_flow_of_data() -> None:
    assert edges(branched()) == [
        ("a", "enc"), ("b", "enc"), ("enc", "subtract"), ("subtract", "abs"), ("abs", "join"), ("late", "join"),
        ("a", "join"), ("join", "again"), ("again", "again"), ("again", "drop"), ("drop", "again"),
        ("again", "one"), ("join", "two"),
    ]  # fmt: skip


def test_each_call_of_an_op_has_a_box() -> None:
    x = hilevel.Input((2,), name="x")
    model = hilevel.Model(x, ops.exp(ops.exp(x)))
    assert titles(utils.plot_model(model, None).svg) == ["InputLayer", "exp", "exp"]


def test_the_contents_of_boxes() -> None:
    picture = utils.plot_model(
        branched(), None, show_shapes=True, show_dtype=True, show_layer_names=True, show_trainable=True,
        show_layer_activations=True,
    )  # fmt: skip
    found = {texts[0]: texts[1:] for texts in boxes(picture.svg)}
    assert found["a (InputLayer)"] == ["Output shape: (None, 8)", "Output dtype: float32"]
    assert found["again (Dense)"] == [
        "Activation: relu", "Input shape: (None, 13)", "Output shape: (None, 13)", "Output dtype: float32", "Trainable: yes",
    ]  # fmt: skip
    assert found["join (Concatenate)"][0] == "Input shape: (None, 3), (None, 2), (None, 8)"
    assert found["abs"] == ["Input shape: (None, 3)", "Output shape: (None, 3)", "Output dtype: float32"]


def test_all_outputs_of_a_call_are_shown() -> None:
    x = hilevel.Input((5, 3), name="x")
    model = hilevel.Model(x, layers.LSTM(4, return_state=True)(x))
    assert (
        boxes(utils.plot_model(model, None, show_shapes=True).svg)[1][2]
        == "Output shape: (None, 4), (None, 4), (None, 4)"
    )


def test_the_shapes_in_a_sequential_are_of_this_model() -> None:
    shared = layers.Dense(3)
    model = hilevel.Sequential([layers.Input((2,)), shared])
    shared(hilevel.Input((7, 2)))
    assert boxes(utils.plot_model(model, None, show_shapes=True).svg) == [
        ["Dense", "Input shape: (None, 2)", "Output shape: (None, 3)"]
    ]


def test_layers_on_the_host_have_unknown_shapes() -> None:
    words = layers.TextVectorization()
    words.adapt(["a b"])
    model = hilevel.Sequential([words, layers.Embedding(9, 2)])
    model(np.array([["a"]]))
    found = boxes(utils.plot_model(model, None, show_shapes=True, show_dtype=True).svg)
    assert found[0] == ["TextVectorization", "Input shape: ?", "Output shape: ?", "Output dtype: ?"]
    assert "polygon" in utils.plot_model(model, None).svg


def test_an_input_may_be_a_result_of_another_layer() -> None:
    middle = layers.Dense(4, name="m")(hilevel.Input((3,)))
    model = hilevel.Model(middle, layers.Dense(5)(middle))
    assert boxes(utils.plot_model(model, None, show_shapes=True).svg)[0] == [
        "InputLayer",
        "Output shape: (None, 4)",
    ]


def test_frozen_layers_and_wrappers() -> None:
    inner = layers.Dense(2, trainable=False)
    model = hilevel.Sequential([layers.Input((3, 4)), layers.TimeDistributed(inner), layers.Flatten()])
    found = boxes(utils.plot_model(model, None, show_trainable=True).svg)
    assert found == [["TimeDistributed(Dense)", "Trainable: no"], ["Flatten"]]


def test_nested_models_are_boxes_or_expanded() -> None:
    model = branched()
    assert "Sequential" in titles(utils.plot_model(model, None).svg)
    expanded = titles(utils.plot_model(model, None, expand_nested=True).svg)
    at = expanded.index("enc (Sequential)")
    assert expanded[at + 1 : at + 3] == ["Dense", "Dense"]


def test_a_subclassed_model_shows_its_layers_in_order() -> None:
    model = Subclassed()
    with pytest.raises(ValueError, match="is not built"):
        utils.plot_model(model, None)
    model.build((None, 5))
    picture = utils.plot_model(model, None, show_shapes=True)
    shapes = [
        ["Input shape: (None, 5)", "Output shape: (None, 3)"],
        ["Input shape: (None, 3)", "Output shape: (None, 2)"],
    ]
    assert boxes(picture.svg) == [["Dense", *lines] for lines in shapes]
    assert "stroke-dasharray" in picture.svg and "polygon" not in picture.svg


def samples(layout: Layout, edge: Any) -> np.ndarray:
    """Points on the line of an edge."""
    points = [np.array(edge[0][1])]
    for command, part in edge[1:]:
        start, part = points[-1][-1], np.array(part)
        t = np.linspace(0, 1, 50)[:, None]
        if command == "L":
            points.append(start + t * (part[0] - start))
        else:
            b, c, d = part
            points.append((1 - t) ** 3 * start + 3 * t * (1 - t) ** 2 * b + 3 * t**2 * (1 - t) * c + t**3 * d)
    return np.concatenate(points)


def check(layout: Layout) -> None:
    rectangles = np.array([(p.x, p.y, p.x + p.width, p.y + p.height) for p in layout.boxes])
    size = np.array([layout.width, layout.height])
    assert (rectangles[:, :2] >= 0).all() and (rectangles[:, 2:] <= size).all()
    low, high = rectangles[:, None, :2], rectangles[None, :, 2:]
    overlap = ((low < high) & (rectangles[None, :, :2] < rectangles[:, None, 2:])).all(axis=-1)
    assert overlap.sum() == len(rectangles)  # each box overlaps itself alone
    for edge in layout.edges:
        at = samples(layout, edge)[:, None]
        assert not ((at > rectangles[:, :2] + 0.01) & (at < rectangles[:, 2:] - 0.01)).all(axis=-1).any()
        assert (at >= 0).all() and (at <= size).all()
    for placed in layout.boxes:
        if placed.inside:
            assert placed.inside.width <= placed.width and placed.inside.height < placed.height
            check(placed.inside)


@pytest.mark.parametrize("rankdir", ["TB", "BT", "LR", "RL"])
@pytest.mark.parametrize("make", [branched, residual])
@pytest.mark.parametrize("nested", [False, True])
def test_no_box_overlaps_another_and_no_edge_crosses_a_box(make: Any, rankdir: str, nested: bool) -> None:
    check(layout_of(diagram_of(make(), Contents(shapes=True, names=True, nested=nested)), rankdir))


@pytest.mark.parametrize(
    ("rankdir", "axis", "sign"), [("TB", 1, 1), ("BT", 1, -1), ("LR", 0, 1), ("RL", 0, -1)]
)
def test_edges_join_their_boxes_in_the_direction(rankdir: str, axis: int, sign: int) -> None:
    diagram = diagram_of(residual(), Contents())
    layout = layout_of(diagram, rankdir)
    for (first, last), path in zip(diagram.edges, layout.edges, strict=True):
        start, end = np.array(path[0][1][0]), np.array(path[-1][1][-1])
        for at, box in ((start, layout.boxes[first]), (end, layout.boxes[last])):
            assert box.x - 0.01 <= at[0] <= box.x + box.width + 0.01
            assert box.y - 0.01 <= at[1] <= box.y + box.height + 0.01
        assert sign * (end - start)[axis] > 0


@pytest.mark.parametrize("seed", range(20))
def test_any_graph_has_a_layout(seed: int) -> None:
    """Boxes of random sizes and random edges, with circles."""
    rng = np.random.default_rng(seed)
    count = rng.integers(1, 16)
    found = [
        Box("x" * size, "layer", [("shape", "y")] * lines)
        for size, lines in rng.integers(1, 30, (count, 2)) % [30, 4]
    ]
    pairs = {(int(a), int(b)) for a, b in rng.integers(0, count, (rng.integers(0, 30), 2))}
    check(layout_of(Diagram(found, sorted(pairs)), ["TB", "BT", "LR", "RL"][seed % 4]))


def test_a_chain_is_straight() -> None:
    model = hilevel.Sequential([layers.Input((4,)), *(layers.Dense(n + 1) for n in range(5))])
    layout = layout_of(diagram_of(model, Contents(shapes=True)))
    assert len({round(p.x + p.width / 2, 3) for p in layout.boxes}) == 1
    assert all(len({round(x, 3) for _, part in path for x, _ in part}) == 1 for path in layout.edges)


def test_an_input_is_above_its_first_reader() -> None:
    layout = layout_of(diagram_of(branched(), Contents(names=True)))
    at = {p.box.title: p.y for p in layout.boxes}
    assert at["a (InputLayer)"] == at["b (InputLayer)"] < at["abs"] == at["late (InputLayer)"]


def test_crossings_are_avoided() -> None:
    inputs = [hilevel.Input((2,), name=f"i{k}") for k in range(4)]
    outputs = [layers.Dense(2, name=f"d{k}")(inputs[k]) for k in (2, 0, 3, 1)]
    layout = layout_of(diagram_of(hilevel.Model(inputs, outputs), Contents(names=True)))
    across = {p.box.title[:2]: p.x for p in layout.boxes}
    assert sorted("0123", key=lambda k: across[f"i{k}"]) == sorted(
        "0123", key=lambda k: across["d" + "2031"["2031".index(k)]]
    )


def test_spread_keeps_what_fits_and_parts_the_rest() -> None:
    assert spread([0, 200], [10, 10], [1, 1]).tolist() == [0, 200]
    assert spread([0, 0], [10, 10], [1, 1]).tolist() == [-21, 21]
    heavy = spread([0, 0], [10, 10], [1, 1e-4])
    assert abs(heavy[0]) < 0.01 and np.isclose(heavy[1] - heavy[0], 42)


def test_names_are_escaped() -> None:
    name = """<b>&"'\x01]]>|{}\\"""
    x = hilevel.Input((2,), name="x")
    model = hilevel.Model(x, layers.Dense(1, name=name)(x), name="<script>alert(1)")
    svg = utils.plot_model(model, None, show_layer_names=True).svg
    assert titles(svg)[1] == name.replace("\x01", "\N{REPLACEMENT CHARACTER}") + " (Dense)"
    assert "<b>" not in svg and "<script" not in model._repr_html_()
    assert "&lt;b&gt;" in model._repr_html_()


@pytest.mark.parametrize("ending", ["svg", "png", "pdf"])
def test_files(tmp_path: Path, ending: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(model_plot, "has_graphviz", lambda: False)
    path = tmp_path / f"model.{ending}"
    picture = utils.plot_model(branched(), path, expand_nested=True, dpi=30)
    start = {"svg": b"<svg", "png": b"\x89PNG", "pdf": b"%PDF"}[ending]
    assert path.read_bytes().startswith(start) and picture.path == path
    assert picture._repr_svg_() == picture.svg


def test_the_resolution_of_pixels(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(model_plot, "has_graphviz", lambda: False)
    model = residual()
    for dpi in (48, 96):
        utils.plot_model(model, tmp_path / f"{dpi}.png", dpi=dpi)
    small, large = (int.from_bytes((tmp_path / f"{dpi}.png").read_bytes()[16:20]) for dpi in (48, 96))
    width = float(re.search(r'width="(\d+)"', utils.plot_model(model, None).svg)[1])  # type: ignore[index]
    assert abs(large - width) <= 1 and abs(large - 2 * small) <= 2


def test_a_picture_needs_no_package_as_svg(tmp_path: Path, monkeypatch: Any) -> None:
    for name in ("matplotlib", "matplotlib.figure", "pydot"):
        monkeypatch.setitem(sys.modules, name, None)
    utils.plot_model(residual(), tmp_path / "a.svg")
    with pytest.raises(ImportError, match=r"pip install 'hilevel\[plot\]'.*\.svg needs no package"):
        utils.plot_model(residual(), tmp_path / "a.png")
    with pytest.raises(ImportError, match="pip install 'pydot'"):
        utils.model_to_dot(residual())


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"rankdir": "XX"}, ArgumentError, "rankdir must be one of TB, BT, LR, RL"),
        ({"dpi": 0}, ArgumentError, "dpi"),
        ({"show_shapes": "yes"}, ArgumentError, "shapes must be True or False"),
        ({"layer_names": True}, ArgumentError, "no argument layer_names"),
        ({"to_file": "picture"}, ValueError, "no ending"),
        ({"to_file": "picture.xyz"}, ValueError, "xyz"),
    ],
)
def test_wrong_arguments(
    arguments: dict[str, Any], error: type[Exception], words: str, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(model_plot, "has_graphviz", lambda: False)
    with pytest.raises(error, match=words):
        utils.plot_model(residual(), **{"to_file": None, **arguments})


def test_objects_without_a_picture() -> None:
    with pytest.raises(ArgumentError, match="expects a model; got int"):
        utils.plot_model(3, None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="is not built"):
        utils.plot_model(hilevel.Sequential([layers.Dense(1)]), None)


# -- pydot -----------------------------------------------------------------------------------------


class Part:
    """A stand-in for the objects of pydot: the arguments, and the parts that are added."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.args, self.kwargs, self.parts = args, kwargs, list[Any]()

    def get_name(self) -> str:
        return str(self.args[0])

    def set_node_defaults(self, **kwargs: Any) -> None:
        self.defaults = kwargs

    def add(self, part: Any) -> None:
        self.parts.append(part)

    add_node = add_edge = add_subgraph = add

    def write(self, path: str, format: str) -> None:
        Path(path).write_text(format)


@pytest.fixture
def pydot(monkeypatch: Any) -> Any:
    kinds = {name: type(name, (Part,), {}) for name in ("Dot", "Cluster", "Node", "Edge")}
    module = types.SimpleNamespace(**kinds)
    monkeypatch.setitem(sys.modules, "pydot", module)
    return module


def test_the_graph_of_pydot(pydot: Any) -> None:
    graph = utils.model_to_dot(branched(), show_shapes=True, expand_nested=True, rankdir="LR", dpi=99)
    assert type(graph) is pydot.Dot and graph.kwargs["rankdir"] == "LR" and graph.kwargs["dpi"] == 99
    (cluster,) = (part for part in graph.parts if type(part) is pydot.Cluster)
    inner = [part.args for part in cluster.parts]
    assert inner == [("box_3_0",), ("box_3_1",), ("box_3_0", "box_3_1")]
    joined = [part.args for part in graph.parts if type(part) is pydot.Edge]
    assert ("box_0", "box_3_0") in joined and ("box_3_1", "box_4") in joined
    assert "<b>a (InputLayer)</b>" in graph.parts[0].kwargs["label"]
    part = utils.model_to_dot(residual(), subgraph=True)
    assert type(part) is pydot.Cluster and part.parts[0].args[0].endswith("_0")


def test_graphviz_draws_if_it_is_installed(pydot: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/dot")
    utils.plot_model(residual(), tmp_path / "a.png")
    assert (tmp_path / "a.png").read_text() == "png"


# -- notebooks -------------------------------------------------------------------------------------


def test_a_notebook_shows_a_table_and_a_picture() -> None:
    html = ElementTree.fromstring(branched()._repr_html_())
    assert html.tag == "details" and html.find(f".//{SVG}svg") is not None
    rows = [[cell.text for cell in row] for row in html.iter("tr")]
    assert rows[0] == ["Layer", "Type", "Output shape", "Params"]
    assert ["join", "Concatenate", "(None, 13)", "0"] in rows and ["abs", "op", "(None, 3)", "0"] in rows


def test_a_large_or_unbuilt_model_has_no_picture() -> None:
    deep = hilevel.Sequential([layers.Input((1,)), *(layers.Activation("relu") for _ in range(201))])
    assert "<svg" not in deep._repr_html_() and "and 1 more" in deep._repr_html_()
    unbuilt = hilevel.Sequential([layers.Dense(1)])._repr_html_()
    assert "<svg" not in unbuilt and "not built" in unbuilt
