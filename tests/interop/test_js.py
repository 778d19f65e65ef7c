"""The exported module in Node against our engine: outputs, states, symbols, samples, and what it refuses."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from c_cases import random_input, random_network
from js_cases import HOSTILE, LINES, evaluate, language_model, needs_node, write

import elman
from elman import Network
from elman.data import Vocabulary
from elman.errors import FileError, NumericError, OptionError
from elman.interop.checking import BOUNDS, difference, random_state
from elman.interop.js import export, to_js
from elman.interop.js.running import Job, run, run_script
from elman.persistence import Model

PAGE = Path(__file__).parents[2] / "docs/lands/js.md"
SAMPLE, WHOLE = 36, 300
FAULTY = 1e-3  # far above every bound, and below what a fault does


def jobs_of(folder: Path, networks: Sequence[Network], random: np.random.Generator) -> list[Job]:
    made = []
    for k, network in enumerate(networks):
        steps, rows = int(random.integers(1, 12)), int(random.integers(1, 5))
        state, x = random_state(network, random, rows), random_input(random, network, steps, rows)
        made.append(Job(write(folder, network, name=f"n{k}"), network, x, state))
    return made


def exact(job: Job) -> tuple[Any, Any]:
    """What the network computes in float64, to which sums of a module are nearer than float32 is."""
    spec, flat = job.network.spec, job.network.parameters.flat.astype(np.float64)
    return Network.from_spec(replace(spec, dtype="float64"), flat).run(job.x, job.state)


def part(x: Any, t: int) -> Any:
    return tuple(one[t] for one in x) if isinstance(x, tuple) else x[t]


@needs_node
def test_random_networks_compute_what_our_engine_computes(tmp_path, request, seed):
    random = np.random.default_rng(seed)
    count = WHOLE if request.config.getoption("--full") else SAMPLE
    dtypes = ("float32", "float32", "float64")
    networks = [random_network(random, k, dtype=dtypes[k // 4 % 3]) for k in range(count)]
    jobs, largest, rough = jobs_of(tmp_path, networks, random), dict.fromkeys(BOUNDS, 0.0), 0
    for job, there in zip(jobs, run(jobs), strict=True):
        dtype, state = job.network.spec.dtype, job.state
        apart = difference(job.network.run(job.x, state), there)
        for t in range(len(job.x[0] if isinstance(job.x, tuple) else job.x)):
            y, state = job.network.step(part(job.x, t), state)
        last = there[0][-1] if job.network.spec.readout == "every" else there[0]
        apart = max(apart, difference((y, state), (last, there[1])))
        nearer = exact(job)
        assert difference(nearer, there) <= BOUNDS[dtype], job.network
        if difference(nearer, job.network.run(job.x, job.state)) > BOUNDS[dtype] / 2:
            rough += 1  # our own float32 is that far from it: a norm of next to nothing
            continue
        assert apart <= BOUNDS[dtype], job.network
        largest[dtype] = max(largest[dtype], apart)
    assert rough <= 1 + count / 50
    print({dtype: f"{apart:.1e}" for dtype, apart in largest.items()})
    assert all(largest.values())  # rounding differs: what is compared was computed twice


@needs_node
def test_states_go_from_stream_to_module_and_back(tmp_path, seed):
    random = np.random.default_rng(seed)
    plain = {"feature_size": 0, "readout": "every", "head": "squared", "layer_norm": False}
    for k, dtype in enumerate(("float32", "float64") * 4):
        network = random_network(random, k, dtype=dtype, **plain)
        symbols = random.integers(network.spec.input_size, size=20)
        stream, module = network.stream(), write(tmp_path, network, name=f"n{k}")
        stream.read(symbols[:10])
        answer = evaluate(
            module,
            """const [bytes, symbols] = given;
            const state = land.loadState(Uint8Array.from(bytes));
            const same = Array.from(land.saveState(state));
            const y = symbols.map((symbol) => Array.from(land.step(state, symbol)));
            return [same, y, Array.from(land.saveState(state))];""",
            list(stream.state),
            symbols[10:].tolist(),
        )
        assert bytes(answer[0]) == stream.state
        assert difference(stream.run(symbols[10:]), np.array(answer[1], dtype)) <= BOUNDS[dtype]
        there = network.stream(bytes(answer[2])).network_state
        assert difference(stream.network_state, there) <= BOUNDS[dtype]


@needs_node
def test_a_new_and_a_reset_state_are_the_initial_one(tmp_path):
    for learned in (False, True):
        network = Network(
            "lstm", input_size=3, hidden_size=(4, 2), output_size=2, learn_initial_state=learned
        )
        network.parameters.flat[:] = np.random.default_rng(0).normal(size=len(network.parameters))
        answer = evaluate(
            write(tmp_path, network, name=f"learned{learned}"),
            """const state = land.createState(7);
            const begun = land.saveState(state);
            land.step(state, 2);
            land.chance(state);
            const random = state.random;
            land.reset(state);
            return [Array.from(begun), Array.from(land.saveState(state)), random === state.random];""",
        )
        assert bytes(answer[0]) == bytes(answer[1]) == network.stream().state
        assert answer[2]


@needs_node
def test_damaged_states_and_weights_are_refused(tmp_path):
    network = language_model(LINES)
    module = write(tmp_path, network)
    state = network.stream().state
    other = Network("gru", input_size=3, hidden_size=3, output_size=3).stream().state
    given = [[*state[:k], state[k] ^ 1, *state[k + 1 :]] for k in range(0, len(state), 5)]
    given += [list(state[:-1]), [*state, 0], [], list(other)]
    script = "return given.map((bytes) => refused(() => land.loadState(Uint8Array.from(bytes))));"
    assert all(evaluate(module, script, *given))
    assert evaluate(module, script, list(state)) == [None]
    text = module.read_text("ascii")
    start = text.index("WEIGHTS = `\n") + 12
    for place in (start, start + 500):
        for letter in ("A", "B", ""):
            if text[place] != letter:
                module.write_text(text[:place] + letter + text[place + 1 :], "ascii")
                with pytest.raises(OptionError, match=r"damaged|atob|not correctly encoded"):
                    run_script(str(module))


@needs_node
@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({}, ["-1", "3", "0.5", "NaN", "Infinity", "'1'", "null", "undefined", "[1, 2]", "new Array(4)"]),
        ({"embedding_size": 2}, ["-1", "3", "0.5", "'__proto__'", "[1, 2, 3]", "1n"]),
        ({"feature_size": 2}, ["1", "1, [1]", "1, [1, 2, 3]", "3, [1, 2]", "[1, 2, 3], [1, 2]"]),
    ],
)
def test_bad_input_is_refused_and_the_state_stays(tmp_path, given, wrong):
    network = Network("gru", input_size=3, hidden_size=4, output_size=2, **given)
    calls = ", ".join(f"refused(() => land.step(state, {one}))" for one in wrong)
    answer = evaluate(
        write(tmp_path, network),
        f"""const state = land.createState();
        return [[{calls}], Array.from(land.saveState(state))];""",
    )
    assert all(answer[0])
    assert bytes(answer[1]) == network.stream().state


# -------------------------------------------------------------------------------------- planted faults

STEP = "cell(a, u, own);"
FAULTS = [
    (
        "gru",
        "gates swapped",
        "const r = logistic(a[i] + u[i]);\n    const z = logistic(a[H + i] + u[H + i]);",
    ),
    (
        "lstm",
        "gates swapped",
        "const i = logistic(a[k] + u[k]);\n    const f = logistic(a[H + k] + u[H + k]);",
    ),
    ("gru", "bias halves swapped", 'b: of("b"),'),
    ("gru", "reset before the product", STEP),
    ("gru", "zoneout turned round", "after + spec.zoneout * (before - after)"),
    ("gru", "rows for columns", "addProduct(W, 0, H, own.h, H, u);"),
    ("elman", "normalized with the bias", "if (gU) normalize(gU, a);\n    add(b, a);"),
    ("lstm", "the state begins with zeros", 'begin: { h: of("h0"), s: of("s0") }'),
    ("lstm", "a symbol aside", "checkSymbol(input);"),
]
MENDED = {
    "gru gates swapped": "const z = logistic(a[i] + u[i]);\n    const r = logistic(a[H + i] + u[H + i]);",
    "lstm gates swapped": "const f = logistic(a[k] + u[k]);\n    const i = logistic(a[H + k] + u[H + k]);",
    "gru bias halves swapped": 'b: of("d"), d: of("b"),',
    "gru reset before the product": """{
      const r = a.map((one, i) => 1 / (1 + Math.exp(-one - u[i])));
      const part = new Float64Array(u.length);
      addProduct(W, 0, H, own.h.map((one, i) => one * r[i]), H, part);
      for (let i = 2 * H; i < 3 * H; i++) u[i] = (part[i] + d[i]) / r[i - 2 * H];
      cell(a, u, own);
    }""",
    "gru zoneout turned round": "before + spec.zoneout * (after - before)",
    "gru rows for columns": "addProduct(transposed(W, u.length, H, H), 0, H, own.h, H, u);",
    "elman normalized with the bias": "add(b, a);\n    if (gU) normalize(gU, a);",
    "lstm the state begins with zeros": "begin: {}",
    "lstm a symbol aside": "checkSymbol(input); input = (input + 1) % spec.inputs;",
}


@needs_node
@pytest.mark.parametrize(("cell", "name", "right"), FAULTS, ids=[f"{c} {n}" for c, n, _ in FAULTS])
def test_planted_faults_are_seen(tmp_path, cell, name, right):
    options: dict[str, Any] = {"layer_norm": cell == "elman", "learn_initial_state": True, "zoneout": 0.2}
    network = Network(cell, input_size=4, hidden_size=8, output_size=3, **options)
    random = np.random.default_rng(0)
    network.parameters.flat[:] = random.normal(size=len(network.parameters))
    module, x = write(tmp_path, network), random.integers(4, size=(6, 2))
    state = network.init_state(2)
    begin = "" if name.startswith("the state begins") else None
    jobs = [Job(module, network, x, state)]
    assert difference(network.run(x, state), run(jobs)[0]) <= BOUNDS["float32"]
    text = module.read_text("ascii")
    wrong = text.replace(right, MENDED[f"{cell} {name}"])
    assert wrong != text
    if name.startswith("bias"):
        wrong = wrong.replace('    d: of("d"),', "   ")
    faulty = tmp_path / "faulty.mjs"
    faulty.write_text(wrong, "ascii")
    if begin is not None:
        script = "return Array.from(land.step(land.createState(), 1));"
        there = np.array(evaluate(faulty, script), np.float32)
        assert difference(network.step(1)[0], there) > FAULTY
        assert difference(network.step(1)[0], np.array(evaluate(module, script), np.float32)) <= 2e-6
        return
    assert difference(network.run(x, state), run([Job(faulty, network, x, state)])[0]) > FAULTY


@needs_node
def test_a_reversed_direction_and_mixed_up_rows_are_seen(tmp_path):
    network, random = language_model(LINES), np.random.default_rng(0)
    module, x = write(tmp_path, network), random.integers(LINES.size, size=(6, 2))
    state = random_state(network, random, 2)
    turned = run([Job(module, network, x[::-1], state), Job(module, network, x[:, ::-1], state)])
    assert all(difference(network.run(x, state), there) > FAULTY for there in turned)


# ----------------------------------------------------------------------------------- symbols and samples

TEXTS = [
    "",
    "to be, or not\nto be\n\n  twice",
    "don't we'll IT'S  12 34½ x\t\ty\r\n\u3000z \u2028w\x85v\x1cu\ufeff",
    "".join(LINES.symbols[1:]) + "new",
    " ".join(HOSTILE.symbols[1:]),
    "naïve \U0001f600\U0001f468\u200d\U0001f469 e\u0301 … ",
]


def vocabularies() -> list[Vocabulary]:
    words = Vocabulary.from_counts("words", {w: 2 for text in TEXTS[:3] for w in text.split()}, 1)
    return [LINES, HOSTILE, words, Vocabulary("bytes", ())]


def same_symbols(folder: Path, vocabulary: Vocabulary, texts: Sequence[str]) -> None:
    size = vocabulary.size
    network = Network(input_size=size, hidden_size=2, output_size=size)
    answer = evaluate(
        write(folder, network, vocabulary),
        """return given.map((text) => {
          const symbols = land.encode(text);
          return [symbols, land.decode(symbols)];
        });""",
        *texts,
    )
    for text, (symbols, decoded) in zip(texts, answer, strict=True):
        wanted = vocabulary.encode(text).tolist()
        assert symbols == wanted, (text, vocabulary.kind)
        assert decoded == vocabulary.decode(wanted)


@needs_node
@pytest.mark.parametrize("vocabulary", vocabularies(), ids=["chars", "hostile", "words", "bytes"])
def test_symbols_are_those_of_the_vocabulary(tmp_path, vocabulary):
    same_symbols(tmp_path, vocabulary, TEXTS)


@needs_node
def test_symbols_of_byte_pairs_are_those_of_the_vocabulary(tmp_path):
    pytest.importorskip("tokenizers")
    text = " ".join(TEXTS) + " the hen then the tent, don't we'll 1234 12 naïve naïve   \n" * 3
    corpus = elman.data.corpus_from_text(text, kind="bpe", vocab_size=300)
    same_symbols(tmp_path, corpus.vocabulary, [*TEXTS, text])


SPELLED_TWICE = [
    ((98, 97), (97, 98), (97, 97), (258, 97), (97, 258), (257, 256), (259, 98)),
    ((97, 98), (98, 99), (97, 257), (258, 256), (256, 99)),  # abc comes late, and abcab before the next abc
]


@needs_node
@pytest.mark.parametrize("merges", SPELLED_TWICE)
def test_merges_come_in_their_order_also_where_two_spell_the_same(tmp_path, merges, seed):
    pytest.importorskip("tokenizers")
    random = np.random.default_rng(seed)
    texts = ["".join(random.choice(list("aabbc "), size)) for size in range(1, 120)]
    same_symbols(tmp_path, Vocabulary("bpe", (), merges), [*texts, "abcabcabc", "a" * 20_000])


@needs_node
def test_bytes_that_are_no_text_become_marks(tmp_path):
    vocabulary = Vocabulary("bytes", ())
    symbols = [0xEF, 0xBB, 0xBF, 97, 0xE2, 0x82, 98, 0xFF, 0xF0, 0x9F, 0x98, 0x80, 0xC3]
    network = Network(input_size=256, hidden_size=2, output_size=256)
    there = evaluate(write(tmp_path, network, vocabulary), "return land.decode(given[0]);", symbols)
    assert there == vocabulary.decode(symbols)


@needs_node
def test_samples_have_the_chances_of_the_softmax(tmp_path):
    random, draws = np.random.default_rng(0), 100_000
    y = random.normal(size=LINES.size) * 1.5
    y[0] = 5  # the unknown symbol, which is never drawn
    counts, greedy, p = evaluate(
        write(tmp_path, language_model(LINES), LINES),
        """const [y, draws, temperature] = given;
        const state = land.createState(5), counts = y.map(() => 0);
        for (let k = 0; k < draws; k++) counts[land.sample(state, y, temperature)] += 1;
        return [counts, [0, -1, NaN].map((t) => land.sample(state, y, t)),
                Array.from(land.softmax(y, temperature))];""",
        y.tolist(),
        draws,
        0.7,
    )
    assert np.abs(elman.softmax(y / 0.7) - p).max() <= 1e-7
    assert counts[0] == 0  # never the unknown symbol
    assert greedy == [1 + int(y[1:].argmax())] * 3
    wanted = draws * elman.softmax(y[1:] / 0.7)
    chi_square = float(((np.array(counts[1:]) - wanted) ** 2 / wanted).sum())
    assert chi_square < 35  # 10 degrees of freedom: once in 8,000


@needs_node
def test_chances_are_those_of_the_exported_c(tmp_path):
    there = evaluate(
        write(tmp_path, language_model(LINES)),
        "const state = land.createState(given[0]); return [1, 2, 3].map(() => land.chance(state));",
        0xFFFFFFFF,
    )
    z0, wanted = 0xFFFFFFFF, []
    for _ in range(3):
        z0 = (z0 + 0x9E3779B9) % 2**32
        z = (z0 ^ (z0 >> 16)) * 0x85EBCA6B % 2**32
        z = (z ^ (z >> 13)) * 0xC2B2AE35 % 2**32
        wanted.append(((z ^ (z >> 16)) >> 8) / 2**24)
    assert there == wanted


@needs_node
@pytest.mark.parametrize(("head", "function"), [("sigmoid", "sigmoid"), ("gaussian", "moments")])
def test_heads_show_what_a_stream_shows(tmp_path, head, function):
    network = Network(input_size=3, hidden_size=4, output_size=2, head=head)
    network.parameters.flat[:] = np.random.default_rng(0).normal(size=len(network.parameters))
    script = f"return Array.from(land.{function}(land.step(land.createState(), 1)));"
    assert np.abs(network.stream().step(1) - evaluate(write(tmp_path, network), script)).max() <= 2e-6


# ---------------------------------------------------------------------------------------------- the text


@pytest.mark.parametrize("vocabulary", [HOSTILE, LINES], ids=["words", "chars"])
def test_nothing_in_a_vocabulary_can_end_the_script(vocabulary):
    text = to_js(language_model(vocabulary), vocabulary)
    assert text.isascii()
    assert not re.search(r"</|<!|<s", text, re.IGNORECASE)
    assert not any(ord(letter) < 32 and letter != "\n" for letter in text)
    assert to_js(language_model(vocabulary), vocabulary) == text


def test_lines_are_short_but_for_the_vocabulary():
    text = to_js(Network("lstm", input_size=3, hidden_size=4, output_size=2, embedding_size=3))
    assert max(map(len, text.splitlines())) <= 112
    assert not re.search(r"\b(STEPREADS|STEPGIVES|WITHOUT)\b", text)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"bidirectional": True}, "bidirectional"),
        ({"readout": "mean"}, "readout 'mean'"),
        ({"readout": "flatten", "steps": 3}, "readout 'flatten'"),
        ({"input_size": 5}, "the network reads 5"),
    ],
)
def test_what_cannot_be_held_is_refused_by_name(options, why):
    network = Network(**{"input_size": LINES.size, "hidden_size": 4, "output_size": 3, **options})
    with pytest.raises(OptionError, match=why):
        to_js(network, LINES)


def test_weights_that_are_not_finite_are_refused():
    network = language_model(LINES)
    network.parameters["layers.0.W"][1, 2] = np.nan
    with pytest.raises(NumericError, match=r"layers\.0\.W"):
        to_js(network)


# -------------------------------------------------------------------------------------------- the command


@needs_node
def test_export_writes_module_and_page_and_says_what_was_checked(tmp_path):
    network = language_model(LINES)
    checked = export(Model(network, LINES), tmp_path / "a.js")
    assert 0 < checked.largest <= checked.bound == 2e-6
    assert "Node" in checked.what
    assert "a.html" in checked.lines[0]
    assert (tmp_path / "a.js").read_text("ascii") == to_js(network, LINES)
    assert (tmp_path / "a.html").read_text("ascii").startswith("<!doctype html>\n<!-- exported by elman")
    export(Model(network, LINES, {"lines": True}), tmp_path / "a.js")  # over its own
    assert "const LINES = true;" in (tmp_path / "a.html").read_text("ascii")
    alone = export(
        Model(Network(input_size=2, hidden_size=2, output_size=1, head="squared")), tmp_path / "b.mjs"
    )
    assert alone.lines[0].startswith("page        none")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.html", "a.js", "b.mjs"]


def test_nothing_is_written_over_another_page_or_under_another_name(tmp_path):
    model = Model(language_model(LINES), LINES)
    (tmp_path / "mine.html").write_text("<!doctype html><p>mine", "utf-8")
    with pytest.raises(FileError, match=r"mine\.html: exists and is no page of elman"):
        export(model, tmp_path / "mine.js")
    with pytest.raises(OptionError, match=r"\.js or \.mjs"):
        export(model, tmp_path / "mine.html")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.html"]
    assert (tmp_path / "mine.html").read_text("utf-8") == "<!doctype html><p>mine"


@pytest.mark.parametrize("wrong", [False, True])
def test_without_node_the_numbers_are_read_back(tmp_path, monkeypatch, wrong):
    from elman.interop.js import exporting

    monkeypatch.setattr(exporting, "node", lambda: None)
    network = language_model(LINES)
    if wrong:
        other = language_model(LINES, seed=1)
        monkeypatch.setattr(exporting, "to_js", lambda network, vocabulary: to_js(other, vocabulary))
        with pytest.raises(NumericError, match="read back"):
            export(Model(network, LINES), tmp_path / "a.js")
        assert not list(tmp_path.iterdir())
        return
    checked = export(Model(network, LINES), tmp_path / "a.js")
    assert checked.largest == 0.0
    assert "no Node" in checked.what


@needs_node
def test_a_module_that_computes_something_else_is_not_written(tmp_path, monkeypatch):
    from elman.interop.js import exporting

    monkeypatch.setattr(
        exporting, "to_js", lambda network, vocabulary: to_js(network, vocabulary).replace(STEP, "")
    )
    with pytest.raises(NumericError, match="not the same network"):
        export(Model(language_model(LINES), LINES), tmp_path / "a.js")
    assert not list(tmp_path.iterdir())


def test_the_examples_of_the_page_run(tmp_path, monkeypatch):
    from test_readme import run_page

    monkeypatch.chdir(tmp_path)
    run_page(PAGE.read_text("utf-8"), PAGE.name)


@needs_node
def test_the_javascript_of_the_page_runs(tmp_path):
    (example,) = re.findall(r"^```js\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    vocabulary = Vocabulary("chars", ("<unk>", *" beot"))
    write(tmp_path, language_model(vocabulary), vocabulary, name="hamlet")
    (tmp_path / "example.mjs").write_text(example, "utf-8")
    drawn = run_script(str(tmp_path / "example.mjs")).removesuffix("\n")
    assert re.fullmatch("[ beot]{60}", drawn)


def test_every_piece_belongs_to_some_module():
    from elman.interop.js.writing import PARTS

    pages = {"page.js", "page.css", "page.html", "driver.mjs"}
    named = {path.name for path in PARTS.iterdir()} - pages
    heads, cells = ("softmax", "sigmoid", "gaussian"), ("tanh", "relu", "gru", "lstm")
    kinds, inputs = ("chars", "bytes", "words", "bpe"), ("either", "embedding", "features")
    grouped = (("head", heads), ("cell", cells), ("text", kinds), ("input", inputs))
    wanted = {f"{group}_{one}.js" for group, names in grouped for one in names}
    assert named == wanted | {"weights.js", "network.js", "state.js"}
