"""Every notebook runs from top to bottom, and what is committed is what it prints."""

import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LESSONS = [path for path in NOTEBOOKS if path.stem[0].isdigit()]


def read(name: str) -> Any:
    import nbformat  # takes seconds, and each process of the suite reads this file

    return nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)


def shown(notebook: Any) -> list[Any]:
    """For each output its kind and text: pictures are compared by kind only, for fonts differ."""
    found: list[Any] = []
    for cell in notebook.cells:
        after = len(found)
        for output in cell.get("outputs", ()):
            record = (output.output_type, sorted(output.get("data", ())), text_of(output))
            if output.output_type == "stream" and len(found) > after and found[-1][0] == "stream":
                record = ("stream", [], found.pop()[2] + record[2])  # a slow cell prints in several pieces
            found.append(record)
    return found


def text_of(output: Any) -> str:
    return str(output.get("text") or output["data"]["text/plain"])


def printed(notebook: Any) -> str:
    return "\n".join(text for _, _, text in shown(notebook))


def pictures(name: str) -> list[str]:
    bundles = [output.get("data", {}) for cell in read(name).cells for output in cell.get("outputs", ())]
    return [bundle["image/svg+xml"] for bundle in bundles if "image/svg+xml" in bundle]


def numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+\.\d+", text)]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # zmq and asyncio, on some Pythons
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_and_prints_what_is_committed(path: Path) -> None:
    from nbclient import NotebookClient

    notebook = read(path.stem)
    committed = shown(notebook)
    assert committed, "the notebook is committed without its outputs"
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": ROOT}}).execute()
    assert shown(notebook) == committed


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_before_each_player_stands_its_picture_for_readers_without_scripts(path: Path) -> None:
    players = 0
    for cell in read(path.stem).cells:
        kinds = [set(output.get("data", ())) for output in cell.get("outputs", ())]
        for i, kind in enumerate(kinds):
            if "text/html" in kind:
                players += 1
                assert "image/svg+xml" not in kind, "HTML hides a picture in the same output"
                assert i > 0 and "image/svg+xml" in kinds[i - 1] and "text/html" not in kinds[i - 1]
    assert players <= 3, "each player adds to the size of the notebook"


@pytest.mark.parametrize("sanitize", [False, True])
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_exported_without_being_run_it_still_shows_every_picture(path: Path, sanitize: bool) -> None:
    from nbconvert import HTMLExporter

    notebook = read(path.stem)
    pictures = sum("image/svg+xml" in kinds for _, kinds, _ in shown(notebook))
    page, _ = HTMLExporter(sanitize_html=sanitize).from_notebook_node(notebook)
    assert len(re.findall(r'<img [^>]*src="?data:image/svg\+xml', page)) == pictures > 0


def test_the_quickstart_shows_a_graph_and_a_trained_spiral() -> None:
    notebook = read("quickstart")
    assert len([cell for cell in notebook.cells if cell.cell_type == "code"]) == 10
    kinds = [kind for _, data, _ in shown(notebook) for kind in data]
    assert {"image/svg+xml", "image/png", "text/plain"} <= set(kinds)


# ----- the lessons -----


def test_the_lessons_are_numbered_from_1() -> None:
    assert len(LESSONS) >= 5
    assert [int(path.stem.split("_")[0]) for path in LESSONS] == list(range(1, len(LESSONS) + 1))


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_is_short_and_ends_with_questions(path: Path) -> None:
    cells = read(path.stem).cells
    assert 8 <= len(cells) <= 18
    number, *words = path.stem.split("_")
    assert cells[0].source.startswith(f"# {number}. {' '.join(words).capitalize()}\n")
    assert cells[-1].source.startswith("## Exercises\n")
    questions = re.split(r"^\d\. ", cells[-1].source, flags=re.MULTILINE)[1:]
    assert 2 <= len(questions) <= 3
    assert all("?" in question or "Compare" in question for question in questions)


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_says_nothing_of_where_and_when_it_was_run(path: Path) -> None:
    import nbformat

    notebook = read(path.stem)
    nbformat.validate(notebook)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert notebook.metadata["language_info"] == {"name": "python"}
    assert [cell.id for cell in notebook.cells] == [f"cell-{i:02}" for i in range(len(notebook.cells))]
    assert all(cell.metadata == {} for cell in notebook.cells)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert not re.search(r"/(home|root|tmp|Users|work)/", path.read_text(encoding="utf-8"))


def test_lesson_1_shows_gradients_the_graph_both_players_and_the_paths() -> None:
    notebook = read("1_one_expression")
    assert {kind for _, data, _ in shown(notebook) for kind in data} == {"image/svg+xml", "text/html", "text/plain"}
    assert "gradients: a 6, b -4, c -2, f 4\nL grows by 0.006\n" in printed(notebook)
    assert "∂L/∂a = 6\n  L ← d ← e ← a   −2 · 1 · −3 = 6\n" in printed(notebook)
    assert "the 2 paths sum to 8" in printed(notebook)
    pages = [output.data["text/html"] for cell in notebook.cells for output in cell.get("outputs", ())
             if "text/html" in output.get("data", ())]  # fmt: skip
    assert ["glassgrad-player" in page for page in pages] == [True, True]
    assert ['"quiz":true' in page for page in pages] == [False, True]
    assert ['"check":' in page for page in pages] == [False, True]


def test_lesson_2_shows_the_chain_rule_by_hand_and_both_classic_bugs() -> None:
    _, by_hand, *_, overwritten, _, _, losses = shown(read("2_a_neuron"))
    rows = [numbers(line) for line in by_hand[2].splitlines()]
    assert len(rows) == 5 and all(ours == engines for ours, engines in rows)
    assert overwritten[2] == "with  = 3.0\nwith += 7.0\n"
    *_, good, bad = numbers(losses[2].splitlines()[-2])
    assert good < 0.01 and bad > 0.4
    right, wrong = numbers(losses[2].splitlines()[-1])[:2], numbers(losses[2].splitlines()[-1])[2:]
    assert right == pytest.approx([0.5, -1.0], abs=0.1) and min(map(abs, wrong)) > 10.0


def test_lesson_3_builds_an_engine_of_at_most_forty_lines_that_agrees_with_ours() -> None:
    notebook = read("3_build_your_own")
    count, table, random, chain, _ = [text for _, _, text in shown(notebook)]
    own = notebook.cells[1].source
    assert int(count) == len([line for line in own.splitlines() if line.strip()]) <= 40
    rows = [numbers(line) for line in table.splitlines() if line.startswith("    ")]
    assert len(rows) == 8 and all(len(row) == 3 for row in rows) and rows[::2] == rows[1::2]
    assert random == "all 200 agree to 1e-12: True\n"
    assert chain == "ours   RecursionError\nengine 2.7181 and e is 2.7183\n"


def test_lesson_4_reads_a_loss_of_thousands_by_layer_by_neuron_by_block_by_sample_and_by_path() -> None:
    notebook = read("4_reading_big_graphs")
    count, layers, ails, neurons, blocks, sample, around, between, tables = [text for _, _, text in shown(notebook)]
    assert count == "7,640 nodes\n" and "7,640 nodes on 8 cards: one for each layer" in layers
    assert "cards: one for each neuron" in neurons and "on 8 cards" in blocks and "on 8 cards" in sample
    assert "those up to 3 above and 1 below loss 17" in around and "those on the paths" in between
    dead, gradients = ails.splitlines()
    assert dead.startswith("layers.1.neurons.2 is dead: relu gives 0 for 100% of its 100 numbers")
    assert numbers(gradients) == [0.0, 0.0, 0.0]
    one, all_points = tables.split("∂L/")
    products = [
        float(line.rsplit("= ")[-1].replace("−", "-")) for line in one.splitlines() if line.startswith("  loss 17")
    ]
    assert len(products) == 3 and products[0] < 0.0 < products[1] and products[2] == 0.0
    total = float(re.search(r"the 3 paths sum to −([\d.]+),", one)[1])  # type: ignore[index]
    assert total == pytest.approx(-sum(products), abs=1e-4)
    assert "3 of 300 paths carry" in all_points


def test_lesson_4_shows_a_card_for_each_part_and_marks_what_ails_it() -> None:
    layers, neurons, blocks, sample, *_ = pictures("4_reading_big_graphs")
    for k in range(3):
        assert f">layers.{k} × 100<" in layers and f">layers.{k}<" in sample
        assert f">layers.1.neurons.{k} × 100<" in neurons
    assert neurons.count(">dead<") == 1
    assert sorted(set(re.findall(r">(block \d)<", blocks))) == [f"block {i}" for i in range(1, 7)]
    assert blocks.count(">vanishing<") == 2


def test_lesson_5_finds_the_layers_of_a_network_of_loops_and_the_same_gradients_sooner() -> None:
    notebook = read("5_from_scalars_to_matrices")
    count, picture, program, same, tape, table, batch, *_, fitted = [text for _, _, text in shown(notebook)]
    assert count == "8,036 nodes\n" and "one for each line of the program" in picture
    products = [line for line in program.splitlines() if " @ " in line]
    assert len(products) == 2 and "W1" in products[0] and "W2" in products[1]
    assert same == "the same gradients to 1e-12: True\nmore than 100 times faster: True\n"
    assert len(re.findall(r"mul\(.*mul\(.*add\(.*tanh\(", tape)) == 6
    header, *rows, _, product, _, _, _ = table.splitlines()
    assert header.split() == ["a0", "a1", "b0", "b1", "c0", "c1"]
    assert rows == ["u0 u1     %12     %16     %20", "v0 v1     %24     %28     %32"]
    assert " @ " in product
    assert batch.startswith("the same loss to 1e-12: True\nv1 [100×8] = ") and batch.count(" @ ") == 2
    assert fitted == "the same losses to 1e-9: True\nmore than 95 % right: True\n"


def test_lesson_5_shows_what_is_refused_and_who_computes_what() -> None:
    *_, refused, reports, _ = [text for _, _, text in shown(read("5_from_scalars_to_matrices"))]
    assert "In[7]:7: return margin if margin > 0.0 else" in refused and "autograd.where(x > 0, a, b)" in refused
    assert refused.endswith("\n\nthe same loss to 1e-12: True\n")
    chain, network = reports.split("\n\n")
    assert "\nplain Python, " in chain and "NumPy at least " in chain and "glassgrad[fast]" not in chain
    assert "(2 matrix products)" in network and "\nNumPy, " in network


def test_no_picture_of_a_lesson_is_too_large_for_a_page() -> None:
    for path in LESSONS:
        for svg in pictures(path.stem):
            assert len(svg) < 150_000
            width = float(re.search(r'<svg [^>]*?width="([\d.]+)"', svg)[1])  # type: ignore[index]
            assert width < 1_300, f"a picture in {path.name} is {width} wide"
