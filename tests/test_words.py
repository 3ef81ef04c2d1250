"""Words of NumPy, PyTorch and JAX: what is here under the same name, and that every remedy for the others works."""

import copy
import importlib
import pickle
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from helpers import same
from peers import jax, pytorch

import autograd
import nn
from autograd import Tensor, Value, words
from autograd.words import ALIASES, INSTEAD, NUMPY_METHODS, named

# ----- every remedy is code that runs, and computes what the other library computes -----


def numbers() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    x, y, z = rng.uniform(0.2, 2.0, (3, 3, 3))
    B = rng.normal(size=(2, 3, 3))
    return {
        "x": x, "y": y, "z": z, "v": x[0] + 0.1, "w": y[0], "B": B, "C": rng.normal(size=(2, 4)),
        "S": x @ x.T + np.eye(3), "p": rng.uniform(0.1, 0.9, (3, 3)), "t": np.array([0, 2, 1]),
        "j": np.array([[0, 1, 2], [2, 1, 0], [1, 1, 1]]), "m": x > y, "s": (x > z).astype(float),
    }  # fmt: skip


def ours() -> dict[str, Any]:
    found: dict[str, Any] = {
        name: array if name in "tjms" else Tensor(array) for name, array in numbers().items()
    }  # labels, places, masks and targets are plain
    return found | {
        "np": np, "autograd": autograd, "nn": nn, "pickle": pickle, "f": lambda a: a * a,
        "model": nn.vectorized.MLP(3, [2]),
    }  # fmt: skip


def run(code: str, names: dict[str, Any]) -> Any:
    """The value of ``code``; of an assignment, the x that it leaves."""
    try:
        return eval(code, names)
    except SyntaxError:
        exec(code, names)
        return names["x"]


def flat(found: Any) -> Iterator[float]:
    if isinstance(found, list | tuple):
        for part in found:
            yield from flat(part)
    elif isinstance(found, Tensor | Value):
        yield from np.ravel(found.data)
    else:
        yield from np.ravel(found.detach().numpy() if hasattr(found, "detach") else found).astype(float)


@pytest.mark.parametrize("call", INSTEAD, ids=named)
def test_the_remedy_runs(call: str) -> None:
    run(INSTEAD[call], ours())


UNCOMPARED = """
    Function backward
    stride half bfloat16 imag retain_grad dropout Dropout Embedding bernoulli normal rand rand_like randint randn
    randn_like randperm manual_seed RMSprop lr_scheduler ModuleDict
    ModuleList ParameterDict ParameterList functional numpy inference_mode set_grad_enabled Variable custom_gradient
    custom_jvp custom_vjp elementwise_grad hessian_vector_product jacfwd jacrev jit make_vjp primitive remat
    checkpoint stop_gradient vmap mod array base byteswap choose compress dumps fill flags flat partition put
    cholesky LongTensor IntTensor ShortTensor BoolTensor Size Generator set_anomaly_enabled debug_nans linearize
    block_until_ready flags strides tobytes to type set_default_dtype grad_fn cuda pin_memory resize from_numpy
    permute_dims
""".split()  # noqa: SIM905
"""Random numbers, objects and dtypes of their own kinds, words of JAX, of the older package `autograd` and of NumPy."""


@pytest.fixture
def torch64() -> Iterator[Any]:
    """PyTorch, whose layers are made with float64 for as long as the test runs."""
    torch = pytorch()
    torch.set_default_dtype(torch.float64)
    yield torch
    torch.set_default_dtype(torch.float32)


@pytest.mark.filterwarnings("ignore:.*deprecated")
def test_the_remedy_computes_what_pytorch_computes(torch64: Any) -> None:
    torch = torch64
    functional = importlib.import_module("torch.nn.functional")
    compared, faults = 0, []
    for call, code in INSTEAD.items():
        if named(call) in UNCOMPARED:
            continue
        theirs = {name: torch.tensor(array) for name, array in numbers().items()}
        scope = {**vars(torch.nn), **vars(torch), **vars(functional), **theirs}
        compared += 1
        try:
            right, found = list(flat(run(call, scope))), list(flat(run(code, ours())))
        except (TypeError, RuntimeError, AttributeError, NameError, ValueError) as error:
            faults.append((call, error))
            continue
        if not same(found, right, 1e-6):
            faults.append((call, right, code, found))
    assert not faults, "\n".join(map(str, faults))
    assert compared > 170


def test_numpys_and_jaxs_words_by_hand() -> None:
    names = ours()
    x, v = names["x"], names["v"].data
    f: Callable[[Any], Any] = names["f"]
    for call, right in {
        "mod(x, y)": np.mod(x.data, names["y"].data), "x.compress(m[0], 0)": x.data.compress(names["m"][0], 0),
        "x.flat": list(x.data.flat), "x.resize(9)": x.data.ravel(), "cholesky(S)": np.linalg.cholesky(names["S"].data),
        "jacrev(f)(v)": np.diag(2.0 * v), "jacfwd(f)(v)": np.diag(2.0 * v), "elementwise_grad(f)(v)": 2.0 * v,
        "hessian_vector_product(f)(v, w)": 2.0 * names["w"].data, "vmap(f)(x)": x.data**2, "remat(f)(v)": f(v),
    }.items():  # fmt: skip
        assert same(list(flat(run(INSTEAD[call], ours()))), list(flat(right))), call


# ----- what is here under the same name -----


@pytest.mark.parametrize("name", [*NUMPY_METHODS])
def test_a_function_of_numpy_is_a_method_too(name: str) -> None:
    assert getattr(Tensor, name) is getattr(autograd, name)
    assert getattr(Tensor, name).__name__ == name


def test_functions_of_numpy_take_tensors_lists_of_values_and_plain_numbers() -> None:
    x = Tensor([[1.0, 2.0], [3.0, 4.0]])
    y = autograd.cumprod(x, dim=1)
    y[0, 1].backward()
    assert x.grad.tolist() == [[2.0, 1.0], [0.0, 0.0]]
    assert autograd.cumsum([1.0, 2.0]).tolist() == [1.0, 3.0]
    assert [v.data for v in autograd.cumsum([Value(1.0), Value(2.0)])] == [1.0, 3.0]
    assert type(autograd.stack([[1.0], [2.0]])) is np.ndarray
    assert autograd.einsum("ij->i", x).data.tolist() == [3.0, 7.0]
    assert type(autograd.einsum("ij->i", x.data)) is np.ndarray


SAME = """
    x.view(9) x.view(-1,3) x.permute(1,0) x.unsqueeze(1) x.unsqueeze(dim=-1) x.t() x.mm(y) x.matmul(v) x.mv(v)
    v.dot(w) x.clamp(0.5,1.0) x.clamp(min=0.5,max=1.0) x.clip(0.5,1.0) x.abs() x.absolute() x.pow(2.0)
    x.true_divide(y) x.atan2(y) v.asinh() (v+1.0).acosh() (0.3*v).atanh() v.ger(w) v.outer(w) x.ravel() x.flatten()
    x.swapaxes(0,1) x.swapdims(0,1) x.movedim(0,1) x.squeeze() x.cumsum(0) x.cumsum(dim=1) x.cumprod(1)
    x.cumprod(dim=0) x.prod() x.prod(dim=1) x.sum(dim=1) x.sum(dim=(0,1)) x.sum(1,keepdim=True)
    x.mean(dim=0,keepdim=True) x.amax(1) x.amin(dim=0) x.logsumexp(dim=1) x.softmax(dim=1) x.softmax(0)
    x.log_softmax(dim=-1) x.var(dim=1,correction=0) x.std(dim=1,correction=1) x.norm() x.norm(dim=1) x.argmax()
    x.argmax(dim=1) x.argmin(dim=0) x.argsort(dim=1) x.clone() x.item x.tolist() x.flip(0) x.roll(1,0) x.diff()
    x.diff(dim=0) x.tril() x.triu(1) x.trace() x.diag() x.diagonal() x.round() x.floor() x.ceil() x.trunc()
    x.isnan() x.isfinite() x.eq(y) x.ne(y) x.lt(y) x.le(y) x.gt(y) x.ge(y) x.all() x.any() x.count_nonzero()
    x.kron(y) x.fmod(y) x.remainder(y) x%y x//y x.nansum() x.nan_to_num() x.moveaxis(0,1) x.tile((2,1)) x[t] x[:,t]
    x[m] x.ndim x.T B.bmm(B) x.rot90() x.detach() x.sigmoid() x.relu() x.reciprocal() x.square() x.exp2() x.log10()
    x.erf() x.logaddexp(y) x.hypot(y) x.sub(y) x.add(y) x.mul(y) x.div(y)
""".split()  # noqa: SIM905
OF_FUNCTIONS = """
    cat([x,y]) cat([x,y],dim=1) concat([x,y]) stack([x,y],dim=1) hstack([x,y]) vstack([x,y]) matmul(x,y) mm(x,y)
    bmm(B,B) einsum("ij,jk->ik",x,y) cumsum(x,dim=0) cumprod(x,1) softmax(x,dim=1) log_softmax(x,dim=0)
    logsumexp(x,dim=1) clamp(x,0.5,1.0) clip(x,min=0.5,max=1.0) where(m,x,y) outer(v,w) dot(v,w) flip(x,[0])
    roll(x,1) diff(x) norm(x) abs(x) prod(x) mean(x,dim=1) sum(x,dim=1) permute(x,(1,0)) unsqueeze(x,0) squeeze(x)
    argmax(x,dim=1) argsort(x,dim=1) tensordot(x,y) kron(x,y) trace(x) tril(x) diag(v) floor_divide(x,y)
    remainder(x,y) maximum(x,y) isnan(x) cross(v,w,dim=0)
""".split()  # noqa: SIM905


@pytest.mark.parametrize("call", [*SAME, *OF_FUNCTIONS])
def test_a_word_of_pytorchs_means_what_it_means_there(call: str) -> None:
    torch = pytorch()
    theirs = {name: torch.tensor(array) for name, array in numbers().items()}
    namespace = {name: getattr(autograd, name) for name in dir(autograd)} | {
        name: getattr(autograd, theirs) for name, theirs in words.FUNCTION_ALIASES.items() if hasattr(autograd, theirs)
    }
    if call == "x.item":
        call = "x.sum().item()"
    right = eval(call, {**vars(torch), **theirs})
    found = eval(call, {**namespace, **ours()})
    assert same(list(flat(found)), list(flat(right)), 1e-12)
    assert np.shape(found) == np.shape(right) or np.ndim(right) == 0


def test_size_is_a_number_as_in_numpy_and_says_so_to_who_calls_it() -> None:
    x = Tensor(np.ones((2, 3)))
    assert x.size == 6 and isinstance(x.size, int) and repr(x.size) == "6"
    with pytest.raises(TypeError, match=r"size is the number of elements, as in NumPy; write x\.shape"):
        x.size(0)  # type: ignore[operator]


def test_the_constructor_has_pytorchs_name_too() -> None:
    x = autograd.tensor([1.0, 2.0], dtype=np.float32, requires_grad=False)
    assert type(x) is Tensor and x.dtype == np.float32 and not x.requires_grad
    assert autograd.tensor(2.0).requires_grad


def test_what_is_said_of_a_tensor_as_an_index_works() -> None:
    x, i, mask = Tensor([1.0, 2.0, 3.0]), Tensor([2, 0]), Tensor([True, False, True])
    with pytest.raises(TypeError, match=r"x\[i\.data\.astype\(int\)\] or x\[mask\.data != 0\.0\]"):
        x[i]
    assert x[i.data.astype(int)].data.tolist() == [3.0, 1.0] and x[mask.data != 0.0].data.tolist() == [1.0, 3.0]


def test_an_alias_is_the_same_method() -> None:
    for theirs, name in ALIASES.items():
        assert getattr(Tensor, theirs) is getattr(Tensor, name)


def test_a_limit_alone_is_taken_as_in_numpy_and_pytorch() -> None:
    for x in (Tensor([-1.0, 3.0]), Value(3.0), Value(-1.0)):
        for found, expected in (
            (x.clip(0.0), autograd.maximum(x, 0.0)),
            (x.clamp(min=0.0), autograd.maximum(x, 0.0)),
            (autograd.clamp(x, max=1.0), autograd.minimum(x, 1.0)),
            (x.clip(None, 1.0), autograd.minimum(x, 1.0)),
        ):
            assert np.all(found.data == expected.data) and found.op is expected.op


# ----- a word that is not here -----


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda: autograd.relu6, "module 'autograd' has no attribute 'relu6'; for relu6(x) write x.clip(0.0, 6.0)"),
        (lambda: Tensor(1.0).numel, "Tensor has no attribute 'numel'; for x.numel() write x.size"),
        (lambda: Value(1.0).cuda, "Value has no attribute 'cuda'; for x.cuda() write x"),
        (lambda: nn.MSELoss, "module 'nn' has no attribute 'MSELoss'; for MSELoss()(x, s) write nn.mse(x, s)"),
        (lambda: Tensor(1.0).add_, "nothing is changed in place, for the graph would not know: write x = x.add(…)"),
        (lambda: autograd.linspace, "write np.linspace, which computes with plain numbers, as np.linspace(x.data)"),
        (lambda: Tensor(1.0).corrcoef, "write np.corrcoef, which computes with plain numbers, as np.corrcoef(x.data)"),
        (lambda: nn.Conv2d, "there are no images here, only vectors: nn.Linear, nn.MLP, nn.Sequential"),
        (lambda: nn.Lienar, "module 'nn' has no attribute 'Lienar'; did you mean Linear?"),
        (lambda: autograd.zzz, "module 'autograd' has no attribute 'zzz'; what there is, dir() tells"),
    ],
)
def test_a_word_that_is_not_here_is_answered(ask: Callable[[], Any], said: str) -> None:
    with pytest.raises(AttributeError) as caught:
        ask()
    assert said in str(caught.value)


def test_an_import_is_answered_too() -> None:
    with pytest.raises(ImportError, match=r"for relu6\(x\) write x\.clip"):
        exec("from autograd import relu6")
    with pytest.raises(ImportError, match=r"for MSELoss\(\)\(x, s\) write nn\.mse"):
        exec("from nn import MSELoss")
    with pytest.raises(ImportError, match="cannot import name '_nothing'"):
        exec("from autograd import _nothing")


def test_protocols_are_asked_for_and_are_not_there() -> None:
    for node in (Value(1.0), Tensor([1.0])):
        for name in ("__array_interface__", "__cuda_array_interface__", "__dlpack__", "_repr_latex_", "result", "cpu"):
            assert not hasattr(node, name)
        assert copy.copy(node).data == copy.deepcopy(node).data == pickle.loads(pickle.dumps(node)).data
        assert {"numel", "add_", "linspace"}.isdisjoint(dir(node)) and {"exp", "data"} <= set(dir(node))
        assert not hasattr(type(node), "numel")
        assert not hasattr(pickle.loads(pickle.dumps(node)), "result")


def test_what_runs_on_micrograd_is_here() -> None:
    engine = pytest.importorskip("micrograd.engine")
    networks = importlib.import_module("micrograd.nn")
    for theirs, ours in ((engine.Value(1.0), Value(1.0)), (networks, nn), (networks.MLP(2, [1]), nn.MLP(2, [1]))):
        for name in dir(theirs):
            if not name.startswith("__") and name not in ("random", "Value"):
                assert hasattr(ours, name), name


# ----- how many -----


def spaces() -> Iterator[tuple[str, Any, Any]]:
    x = Tensor([[1.0]])
    yield from (("numpy", np, autograd), ("numpy.ndarray", np.ndarray, x))
    torch = pytorch()
    for name in ("", ".nn.functional"):
        yield f"torch{name}", importlib.import_module(f"torch{name}"), autograd
    yield "torch.Tensor", torch.Tensor, x
    for name in ("nn", "optim"):
        yield f"torch.{name}", importlib.import_module(f"torch.{name}"), nn
    yield "jax", jax(), autograd


def kind_of(name: str, ours: Any) -> str:
    try:
        getattr(ours, name)
    except AttributeError as error:
        said = str(error).partition("; ")[2]
        general = not said or said.startswith(("did you mean", "what there is"))
        return "general" if general else "absent" if said in words.ABSENT.values() else "answered"
    return "here"


def test_every_public_name_is_here_or_answered() -> None:
    total: Counter[str] = Counter()
    for space, theirs, ours in spaces():
        public = [name for name in dir(theirs) if not name.startswith("_")]
        count = Counter(kind_of(name, ours) for name in public)
        print(
            f"{space:22} {len(public):5} names",
            *(f"{count[k]:5} {k}" for k in ("here", "answered", "absent", "general")),
        )
        total += count
        if space.startswith("numpy"):
            assert count["general"] <= 15
    print(total)
    assert total["here"] >= 650 and total["answered"] >= 650
