"""The words of NumPy, PyTorch, JAX and micrograd: which are words here too, and what to write for the others.

python -c "from autograd.words import table; print(table())"        # the others
"""

import difflib
import importlib
import re
from collections.abc import Callable, Iterable
from functools import cache
from inspect import getattr_static
from opcode import opmap
from types import FrameType
from typing import Any, NoReturn

# ----- words that are here too -----

NUMPY_METHODS = """
    all allclose amax amin any argmin argpartition argsort argwhere broadcast_to copy count_nonzero cross cumprod diag
    diagonal diff equal flip fliplr flipud greater greater_equal inner isclose isfinite isinf isnan kron less less_equal
    logical_and logical_not logical_or median moveaxis nan_to_num nanmean nansum nonzero not_equal outer ptp quantile
    repeat roll rot90 round searchsorted tile trace tril triu vdot
""".split()  # noqa: SIM905
"""NumPy's functions that are methods of a Tensor as well; it is the first argument."""

ALIASES = {
    "absolute": "abs", "acosh": "arccosh", "asinh": "arcsinh", "atan2": "arctan2",
    "atanh": "arctanh", "bmm": "matmul", "clamp": "clip", "eq": "equal", "ge": "greater_equal", "ger": "outer",
    "gt": "greater", "le": "less_equal", "lt": "less", "mm": "matmul", "movedim": "moveaxis", "mv": "matmul",
    "ne": "not_equal", "permute": "transpose", "pow": "power", "swapdims": "swapaxes", "t": "transpose",
    "true_divide": "div", "unsqueeze": "expand_dims", "view": "reshape",
}  # fmt: skip
"""PyTorch's names of methods, and ours of the same ones."""

KEYWORDS = {
    "dim": "axis", "dims": "axis", "keepdim": "keepdims", "correction": "ddof", "min": "low", "max": "high",
    "a_min": "low", "a_max": "high",
}  # fmt: skip
"""Other names of arguments, and ours."""

UNLIKE = {
    **dict.fromkeys(
        ("max", "min", "sort", "median"),
        "a pair in PyTorch, the numbers and their places; write axis= for the numbers, and argmax, argmin or argsort "
        "for the places",
    ),
    **dict.fromkeys(
        ("std", "var"), "divided by n - 1 in PyTorch, and by n in NumPy; write axis= with ddof=1 for the one or ddof=0"
    ),
}
"""Functions whose result with ``dim=`` is another in PyTorch than with ``axis=`` in NumPy, and what to write."""

FUNCTION_ALIASES = ALIASES | {"cat": "concatenate", "concat": "concatenate"}
"""The same for functions of the module."""

# ----- words that are not -----

INSTEAD = {
    # ----- arithmetic -----
    "addmm(x, y, z)": "x + y @ z",
    "addmv(v, x, w)": "v + x @ w",
    "addr(x, v, w)": "x + np.outer(v, w)",
    "baddbmm(B, B, B)": "B + B @ B",
    "addcmul(x, y, z, value=2.0)": "x + 2.0 * y * z",
    "addcdiv(x, y, z, value=2.0)": "x + 2.0 * y / z",
    "lerp(x, y, 0.3)": "x + 0.3 * (y - x)",
    "rsub(x, y)": "y - x",
    "mod(x, y)": "x % y",
    "rsqrt(x)": "x ** -0.5",
    "frac(x)": "x - x.trunc()",
    "sgn(x)": "x.sign()",
    "xlogy(x, y)": "np.where(x == 0.0, 0.0, x * y.log())",
    "logit(p)": "(p / (1.0 - p)).log()",
    "sinc(x)": "np.where(x == 0.0, 1.0, (np.pi * x).sin() / (np.pi * np.where(x == 0.0, 1.0, x)))",
    "clamp_min(x, 0.5)": "np.maximum(x, 0.5)",
    "clamp_max(x, 0.5)": "np.minimum(x, 0.5)",
    # ----- activations -----
    "relu6(x)": "x.clip(0.0, 6.0)",
    "hardtanh(x)": "x.clip(-1.0, 1.0)",
    "hardsigmoid(x)": "(x / 6.0 + 0.5).clip(0.0, 1.0)",
    "hardswish(x)": "x * (x / 6.0 + 0.5).clip(0.0, 1.0)",
    "hardshrink(x, 0.5)": "np.where(abs(x) > 0.5, x, 0.0)",
    "softshrink(x, 0.5)": "x - x.clip(-0.5, 0.5)",
    "tanhshrink(x)": "x - x.tanh()",
    "threshold(x, 0.5, 2.0)": "np.where(x > 0.5, x, 2.0)",
    "mish(x)": "x * x.softplus().tanh()",
    "softsign(x)": "x / (1.0 + abs(x))",
    "softmin(x, dim=1)": "(-x).softmax(1)",
    "logsigmoid(x)": "-(-x).softplus()",
    "celu(x)": "x.elu()",
    "selu(x)": "1.0507009873554805 * x.elu(1.6732632423543772)",
    "prelu(x, v)": "np.where(x > 0.0, x, v * x)",
    "glu(C)": "C[:, :2] * C[:, 2:].sigmoid()",
    "dropout(x, 0.5)": "x * (np.random.rand(*x.shape) > 0.5) / (1.0 - 0.5)",
    # ----- layers -----
    "linear(x, y, v)": "x @ y.T + v",
    "embedding(t, x)": "x[t]",
    "one_hot(t, 3)": "np.eye(3)[t]",
    "normalize(x, dim=1)": "x / np.maximum(x.norm(axis=1, keepdims=True), 1e-12)",
    "layer_norm(x, (3,))": "(x - x.mean(-1, True)) / (x.var(-1, True) + 1e-5).sqrt()",
    "rms_norm(x, (3,))": "x / ((x * x).mean(-1, True) + np.finfo(x.dtype).eps).sqrt()",
    "batch_norm(x, None, None, training=True)": "(x - x.mean(0)) / (x.var(0) + 1e-5).sqrt()",
    "scaled_dot_product_attention(x, y, z)": "(x @ y.T / x.shape[-1] ** 0.5).softmax(-1) @ z",
    "Flatten()(B)": "B.reshape(len(B), -1)",
    "Identity()(x)": "x",
    "Dropout(0.5)(x)": "x * (np.random.rand(*x.shape) > 0.5) / (1.0 - 0.5)",
    "Embedding(3, 2)(t)": "autograd.Tensor(np.random.randn(3, 2))[t]",
    "LayerNorm(3)(x)": "(x - x.mean(-1, True)) / (x.var(-1, True) + 1e-5).sqrt()",
    "BatchNorm1d(3)(x)": "(x - x.mean(0)) / (x.var(0) + 1e-5).sqrt()",
    "RMSNorm(3)(x)": "x / ((x * x).mean(-1, True) + np.finfo(x.dtype).eps).sqrt()",
    "LeakyReLU()(x)": "nn.Activation('leaky_relu')(x)",
    "ELU()(x)": "nn.Activation('elu')(x)",
    "SiLU()(x)": "nn.Activation('silu')(x)",
    "Softplus()(x)": "nn.Activation('softplus')(x)",
    "Softmax(dim=1)(x)": "x.softmax(1)",
    "LogSoftmax(dim=1)(x)": "x.log_softmax(1)",
    "Softmin(dim=1)(x)": "(-x).softmax(1)",
    "Softsign()(x)": "x / (1.0 + abs(x))",
    "Tanhshrink()(x)": "x - x.tanh()",
    "LogSigmoid()(x)": "-(-x).softplus()",
    "Mish()(x)": "x * x.softplus().tanh()",
    "ReLU6()(x)": "x.clip(0.0, 6.0)",
    "Hardtanh()(x)": "x.clip(-1.0, 1.0)",
    "Hardsigmoid()(x)": "(x / 6.0 + 0.5).clip(0.0, 1.0)",
    "Hardswish()(x)": "x * (x / 6.0 + 0.5).clip(0.0, 1.0)",
    "Hardshrink(0.5)(x)": "np.where(abs(x) > 0.5, x, 0.0)",
    "Softshrink(0.5)(x)": "x - x.clip(-0.5, 0.5)",
    "Threshold(0.5, 2.0)(x)": "np.where(x > 0.5, x, 2.0)",
    "CELU()(x)": "x.elu()",
    "SELU()(x)": "1.0507009873554805 * x.elu(1.6732632423543772)",
    "GLU()(C)": "C[:, :2] * C[:, 2:].sigmoid()",
    "CosineSimilarity()(x, y)": "(x * y).sum(1) / (x.norm(axis=1) * y.norm(axis=1))",
    "PReLU()(x)": "np.where(x > 0.0, x, 0.25 * x)",
    "PairwiseDistance()(x, y)": "(x - y + 1e-6).norm(axis=-1)",
    "Parameter(x)": "autograd.Tensor(x.data)",
    "ModuleList([nn.ReLU()])": "[nn.ReLU()]",
    "ModuleDict({'a': nn.ReLU()})": "{'a': nn.ReLU()}",
    "ParameterList([x])": "[autograd.Tensor(x.data)]",
    "ParameterDict({'a': x})": "{'a': autograd.Tensor(x.data)}",
    "functional.relu(x)": "autograd.relu(x)",
    # ----- losses -----
    "cross_entropy(x, t)": "nn.cross_entropy(x, t)",
    "nll_loss(x, t)": "-x[np.arange(len(t)), t].mean()",
    "mse_loss(x, s)": "nn.mse(x, s)",
    "l1_loss(x, s)": "nn.mae(x, s)",
    "huber_loss(x, y)": "np.where(abs(x - y) < 1.0, 0.5 * (x - y) ** 2, abs(x - y) - 0.5).mean()",
    "smooth_l1_loss(x, y)": "np.where(abs(x - y) < 1.0, 0.5 * (x - y) ** 2, abs(x - y) - 0.5).mean()",
    "binary_cross_entropy(p, s)": "-(s * p.log() + (1.0 - s) * (1.0 - p).log()).mean()",
    "binary_cross_entropy_with_logits(x, s)": "nn.bce_with_logits(x, s)",
    "kl_div(x, p, reduction='sum')": "(p * (np.log(p) - x)).sum()",
    "poisson_nll_loss(x, y)": "(x.exp() - y * x).mean()",
    "gaussian_nll_loss(x, y, p)": "(0.5 * (p.log() + (x - y) ** 2 / p)).mean()",
    "margin_ranking_loss(v, w, s[0])": "(-s[0] * (v - w)).relu().mean()",
    "triplet_margin_loss(x, y, z)": "((x - y + 1e-6).norm(axis=-1) - (x - z + 1e-6).norm(axis=-1) + 1.0).relu().mean()",
    "soft_margin_loss(x, s)": "(-s * x).softplus().mean()",
    "cosine_similarity(x, y, dim=1)": "(x * y).sum(1) / (x.norm(axis=1) * y.norm(axis=1))",
    "pairwise_distance(x, y)": "(x - y + 1e-6).norm(axis=-1)",
    "CrossEntropyLoss()(x, t)": "nn.cross_entropy(x, t)",
    "NLLLoss()(x, t)": "-x[np.arange(len(t)), t].mean()",
    "MSELoss()(x, s)": "nn.mse(x, s)",
    "L1Loss()(x, s)": "nn.mae(x, s)",
    "HuberLoss()(x, y)": "np.where(abs(x - y) < 1.0, 0.5 * (x - y) ** 2, abs(x - y) - 0.5).mean()",
    "SmoothL1Loss()(x, y)": "np.where(abs(x - y) < 1.0, 0.5 * (x - y) ** 2, abs(x - y) - 0.5).mean()",
    "BCELoss()(p, s)": "-(s * p.log() + (1.0 - s) * (1.0 - p).log()).mean()",
    "BCEWithLogitsLoss()(x, s)": "nn.bce_with_logits(x, s)",
    "KLDivLoss(reduction='sum')(x, p)": "(p * (np.log(p) - x)).sum()",
    "MarginRankingLoss()(v, w, s[0])": "(-s[0] * (v - w)).relu().mean()",
    "TripletMarginLoss()(x, y, z)": "((x - y + 1e-6).norm(axis=-1) - (x - z + 1e-6).norm(axis=-1) + 1.0).relu().mean()",
    "PoissonNLLLoss()(x, y)": "(x.exp() - y * x).mean()",
    "GaussianNLLLoss()(x, y, p)": "(0.5 * (p.log() + (x - y) ** 2 / p)).mean()",
    "SoftMarginLoss()(x, s)": "(-s * x).softplus().mean()",
    # ----- optimisers -----
    "RMSprop(model.parameters())": "nn.RMSProp(model.parameters(), lr=0.01)",
    "lr_scheduler": "nn.schedules",
    # ----- shapes, parts and wholes -----
    "unbind(x)": "list(x)",
    "chunk(x, 3)": "np.array_split(x, 3)",
    "x.split(1)": "np.split(x, len(x))",
    "tensor_split(x, 3)": "np.array_split(x, 3)",
    "split_with_sizes(x, [1, 2])": "np.split(x, [1])",
    "narrow(x, 0, 1, 2)": "x[1 : 1 + 2]",
    "select(x, 0, 1)": "x[1]",
    "index_select(x, 1, t)": "x[:, t]",
    "index_add(x, 0, t, y)": "x + np.eye(len(x))[t].T @ y",
    "masked_select(x, m)": "x[m]",
    "masked_fill(x, m, 0.5)": "np.where(m, 0.5, x)",
    "x.where(m, y)": "np.where(m, x, y)",
    "x.compress(m[0], 0)": "x[m[0]]",
    "gather(x, 1, j)": "np.take_along_axis(x, j, 1)",
    "take_along_dim(x, j, 1)": "np.take_along_axis(x, j, 1)",
    "repeat_interleave(x, 2)": "np.repeat(x, 2)",
    "x.expand(2, 3, 3)": "np.broadcast_to(x, (2, 3, 3))",
    "v.expand_as(x)": "np.broadcast_to(v, x.shape)",
    "x.view_as(y)": "x.reshape(y.shape)",
    "x.reshape_as(y)": "x.reshape(y.shape)",
    "x.resize(9)": "x.reshape(9)",
    "unflatten(x, 1, (3, 1))": "x.reshape(3, 3, 1)",
    "broadcast_tensors(x, v)": "np.broadcast_arrays(x, v)",
    "diag_embed(v)": "np.diag(v)",
    "adjoint(x)": "x.swapaxes(-1, -2)",
    "permute_dims(x, (1, 0))": "x.transpose(1, 0)",
    "row_stack([x, y])": "np.vstack([x, y])",
    "detach(x)": "x.detach()",
    "flatten(x)": "x.flatten()",
    "is_same_size(x, y)": "x.shape == y.shape",
    "x.is_floating_point()": "x.dtype.kind == 'f'",
    "x.is_contiguous()": "x.data.flags.c_contiguous",
    "x.stride()": "x.data.strides",
    "x.mT": "x.swapaxes(-1, -2)",
    "x.mH": "x.swapaxes(-1, -2)",
    "x.H": "x.T",
    "x.flat": "x.ravel()",
    "x.numel()": "x.size",
    "x.nelement()": "x.size",
    "x.dim()": "x.ndim",
    "x.ndimension()": "x.ndim",
    "x.nbytes": "x.data.nbytes",
    "x.itemsize": "x.data.itemsize",
    "x.element_size()": "x.data.itemsize",
    "x.strides": "x.data.strides",
    # ----- order and statistics -----
    "topk(x, 2)[0]": "x.sort()[..., ::-1][..., :2]",
    "kthvalue(v, 2)[0]": "v.sort()[..., 2 - 1]",
    "x.partition(1)": "x.sort()",
    "msort(x)": "x.sort(0)",
    "aminmax(x)": "(x.min(), x.max())",
    "cummax(v, 0)[0]": "np.maximum.accumulate(v)",
    "cummin(v, 0)[0]": "np.minimum.accumulate(v)",
    "logcumsumexp(v, 0)": "np.logaddexp.accumulate(v)",
    "std_mean(x)": "(x.std(ddof=1), x.mean())",
    "var_mean(x)": "(x.var(ddof=1), x.mean())",
    "cov(x)": "(x - x.mean(1, True)) @ (x - x.mean(1, True)).T / (x.shape[1] - 1)",
    "trapz(v)": "np.trapezoid(v)",
    # ----- linear algebra -----
    "det(S)": "np.linalg.det(S)",
    "logdet(S)": "np.linalg.slogdet(S).logabsdet",
    "slogdet(S)": "np.linalg.slogdet(S)",
    "inverse(S)": "np.linalg.inv(S)",
    "pinverse(S)": "np.linalg.solve(S.T @ S, S.T)",
    "cholesky(S)": "np.linalg.cholesky(S)",
    "matrix_power(x, 3)": "np.linalg.matrix_power(x, 3)",
    "chain_matmul(x, y, z)": "x @ y @ z",
    "frobenius_norm(x, 1)": "x.norm(axis=1)",
    "dist(x, y)": "(x - y).norm()",
    "cdist(x, y)": "(x[:, None] - y[None]).norm(axis=-1)",
    # ----- making arrays -----
    "array([1.0, 2.0])": "autograd.Tensor([1.0, 2.0])",
    "asarray([1.0, 2.0])": "autograd.Tensor([1.0, 2.0])",
    "as_tensor([1.0, 2.0])": "autograd.Tensor([1.0, 2.0])",
    "from_numpy(m)": "autograd.Tensor(m)",
    "scalar_tensor(2.0)": "autograd.Tensor(2.0)",
    "FloatTensor([1.0, 2.0])": "autograd.Tensor([1.0, 2.0], dtype=np.float32)",
    "DoubleTensor([1.0, 2.0])": "autograd.Tensor([1.0, 2.0])",
    **dict.fromkeys(("LongTensor([1, 2])", "IntTensor([1, 2])", "ShortTensor([1, 2])"), "np.array([1, 2])"),
    "BoolTensor([True, False])": "np.array([True, False])",
    "Size([2, 3])": "(2, 3)",
    "Generator().manual_seed(0)": "np.random.default_rng(0)",
    "Variable(v)": "autograd.Tensor(v.data)",
    "x.new_tensor([1.0])": "autograd.Tensor([1.0], dtype=x.dtype)",
    "x.new_zeros(2)": "np.zeros(2, x.dtype)",
    "x.new_ones(2)": "np.ones(2, x.dtype)",
    "x.new_full((2,), 3.0)": "np.full((2,), 3.0, x.dtype)",
    "set_default_dtype('float32')": "autograd.Tensor([1.0, 2.0], dtype=np.float32)",
    "manual_seed(0)": "nn.MLP(2, [3], seed=0)",
    "rand(2, 3)": "np.random.rand(2, 3)",
    "randn(2, 3)": "np.random.randn(2, 3)",
    "rand_like(x)": "np.random.rand(*x.shape)",
    "randn_like(x)": "np.random.randn(*x.shape)",
    "randint(0, 3, (2,))": "np.random.randint(0, 3, (2,))",
    "randperm(3)": "np.random.permutation(3)",
    "normal(0.0, 1.0, (2,))": "np.random.normal(0.0, 1.0, (2,))",
    "bernoulli(p)": "np.random.rand(*p.shape) < p.data",
    "is_tensor(x)": "isinstance(x, autograd.Tensor)",
    "numpy": "np",
    # ----- dtypes and devices -----
    "x.to('float32')": "x.astype(np.float32)",
    "x.type('float32')": "x.astype(np.float32)",
    "x.type_as(y)": "x.astype(y.dtype)",
    "x.float()": "x.astype(np.float32)",
    "x.double()": "x.astype(np.float64)",
    "x.half()": "x.astype(np.float32)",
    "x.bfloat16()": "x.astype(np.float32)",
    **dict.fromkeys(("x.int()", "x.long()", "x.short()", "x.char()", "x.byte()"), "x.data.astype(int)"),
    "x.bool()": "x.data != 0.0",
    **dict.fromkeys(("x.cpu()", "x.cuda()", "x.contiguous()", "x.pin_memory()", "x.to_dense()"), "x"),
    "x.real": "x",
    "x.conj()": "x",
    "x.imag": "np.zeros_like(x.data)",
    "x.tobytes()": "x.data.tobytes()",
    "x.dumps()": "pickle.dumps(x)",
    # ----- nodes and gradients -----
    "x.is_leaf": "not x.parents",
    "x.grad_fn": "x.op",
    "x.retain_grad()": "x",
    "backward(x.sum())": "x.sum().backward()",
    "x.detach_()": "x = x.detach()",
    "x.zero_()": "x.data = 0.0 * x.data",
    "x.fill_(2.0)": "x.data = 0.0 * x.data + 2.0",
    "x.put([0], 2.0)": "np.where(np.arange(x.size).reshape(x.shape) == 0, 2.0, x)",
    "x.flags": "x.data.flags",
    "x.base": "x.data.base",
    "x.byteswap()": "x.data.byteswap()",
    "x.choose([v, w])": "np.choose(x.data.astype(int) % 2, [v, w])",
    "x.fill(2.0)": "x.data = 0.0 * x.data + 2.0",
    "x.copy_(y)": "x.data = y.data.copy()",
    "stop_gradient(x)": "x.detach()",
    "set_anomaly_enabled(True)": "autograd.detect_anomaly()",
    "debug_nans(True)": "autograd.detect_anomaly()",
    "linearize(f, v)": "lambda t: autograd.jvp(f, (v,), (t,))[1]",
    "block_until_ready(x)": "x",
    "inference_mode()": "autograd.no_grad()",
    "set_grad_enabled(False)": "autograd.no_grad()",
    "jacfwd(f)(v)": "autograd.jacobian(f)(v)",
    "jacrev(f)(v)": "autograd.jacobian(f)(v)",
    "elementwise_grad(f)(v)": "autograd.grad(lambda v: f(v).sum())(v)",
    "make_vjp(f)(v)": "autograd.vjp(f, v)",
    "hessian_vector_product(f)(v, w)": "autograd.hvp(lambda v: f(v).sum(), (v,), (w,))",
    "jit(f)": "autograd.compile(f)",
    "vmap(f)(x)": "np.stack([f(row) for row in x])",
    **dict.fromkeys(("checkpoint(f)(v)", "remat(f)(v)"), "f(v)"),
    **dict.fromkeys(
        ("custom_gradient(f)", "custom_jvp(f)", "custom_vjp(f)", "primitive(f)", "Function(f)"),
        "autograd.custom_op(lambda m, y, x: 2.0 * x)(lambda m, x: x * x)",
    ),
}
"""What to write for a call of another library; every line is run by a test, and compared where the other is there."""

ABSENT = {
    r"(?i).*(conv|pool|pad\d|upsampl|interpolate|grid_sample|affine_grid|pixel_|channel_?shuffle|unfold|\bfold\b).*":
        "there are no images here, only vectors: nn.Linear, nn.MLP, nn.Sequential",
    r"(?i)(.*(lstm|gru|rnn|transformer|attention).*)": "there are no recurrent layers; write the step as a function",
    r"(?i).*(group|instance|batch|local_?response)_?norm.*":
        "write it out for the axis that you mean: (x - x.mean(0)) / (x.var(0) + 1e-5).sqrt()",
    r".*(gamma|erfinv|\bi0|sinc_|logit_).*": "autograd.custom_op makes an operation of a formula and its derivative",
    r"(svd|qr|eig|symeig|lu|lstsq|geqrf|orgqr|ormqr|lobpcg|matrix_exp|nuclear_norm|cholesky_|triangular_)(\w*)":
        "no derivative of it is known here; np.linalg and scipy.linalg compute it of the plain numbers, x.data",
    r"(masked_)?(scatter|index|put|fill_diagonal|select_scatter|slice_scatter)(_\w*)?|map2?_|apply_":
        "nothing is assigned into a Tensor: np.where(condition, a, b) chooses, np.stack joins, x[index] takes",
    r"(?i).*(quant|fbgemm|cudnn|miopen|mkldnn|vulkan|q_|qint|qscheme).*": "numbers are float32 or float64",
    r"(?i).*(sparse|csr|csc|coo|bsr|coalesce|crow|ccol|dense_dim).*": "arrays are dense",
    r"(?i).*(complex|cfloat|cdouble|chalf|conj|polar|\bangle\b|\bhermit).*": "numbers are real",
    r"(?i).*(cuda|gpu|mps|xpu|ipu|mtia|xla|hpu|device|autocast|pinned|shared|accelerator).*":
        "arrays lie in the computer's own memory, and there is no device to name: leave it out",
    r"Ada(grad|delta|max)|[NR]Adam|SparseAdam|ASGD|LBFGS|Rprop|Adafactor|Muon":
        "the optimisers are nn.SGD, nn.RMSProp, nn.Adam and nn.AdamW",
    r".*_?hook(_.*)?": "there are no hooks: what x.op and x.parents say can be walked by autograd.topological_order(x)",
    r".*(Storage|storage)(_.*)?|.*_ptr|.*Type|.*_copy|sym_.*|Sym.*|.*Script.*": "this is a part of PyTorch's machinery",
}  # fmt: skip
"""By a pattern of the name: what is not here at all."""


def named(call: str) -> str:
    """The word in a call of the table: ``expand`` of ``x.expand(2, 3)``."""
    found = re.match(r"(?:[xv]\.)?(\w+)", call)
    assert found is not None
    return found[1]


BY_NAME = {named(call): (call, code) for call, code in INSTEAD.items()}


def answer(name: str, ours: Iterable[str]) -> str:
    """What to say of a word that is not among ``ours``."""
    ours = set(ours)
    if name in BY_NAME:
        call, code = BY_NAME[name]
        return f"for {call} write {code}"
    base = name.removesuffix("_")
    if base != name and (base in ours or base in BY_NAME):
        said = f"write x = x.{base}(…)" if base in ours else answer(base, ours)
        return f"nothing is changed in place, for the graph would not know: {said}"
    if name in importlib.import_module("autograd.numpy_protocol").NAMES and name in _numpy():
        return f"write np.{name}, whose results mix with Values and Tensors; of x the plain numbers are x.data"
    if name in _numpy():
        return f"write np.{name}, which computes with plain numbers, as np.{name}(x.data) does"
    for pattern, reason in ABSENT.items():
        if re.fullmatch(pattern, name):
            return reason
    near = difflib.get_close_matches(name, sorted(ours), 3, 0.75)
    return f"did you mean {' or '.join(near)}?" if near else "what there is, dir() tells"


def missing(
    owner: str, name: str, ours: Callable[[], Iterable[str]], frame: FrameType | None = None, remedy: str = ""
) -> Exception:
    """The error for a word that ``owner`` has not: by ``from … import`` from ``frame``, or by a dot."""
    if name.startswith("_"):
        return AttributeError(f"{owner} has no attribute {name!r}")  # a protocol asks, and not a person
    message = f"{owner} has no attribute {name!r}; {remedy or answer(name, ours())}"
    imports = frame is not None and frame.f_code.co_code[frame.f_lasti] == opmap["IMPORT_FROM"]
    return ImportError(message) if imports else AttributeError(message)  # Python drops what an AttributeError says


class Missing:
    """Stands where a class has no ``name``, and says so to who asks. A `__getattr__` would slow down what there is.

    remedy: what to write; without one, what `answer` says
    """

    def __init__(self, name: str, remedy: str = "") -> None:
        self.name, self.remedy = name, remedy

    def __get__(self, node: Any, kind: type) -> NoReturn:
        raise missing(kind.__name__, self.name, lambda: there(kind, dir(kind)), remedy=self.remedy)


def there(kind: type, names: Iterable[str]) -> list[str]:
    """Those of ``names`` that are not `Missing` in ``kind``."""
    return [name for name in names if not isinstance(getattr_static(kind, name, None), Missing)]


def mark_missing(kind: type, methods: Iterable[str]) -> None:
    """Let ``kind`` answer for the words that it has not, and for changes in place by its ``methods``."""
    in_place = [f"{name}_" for name in (*methods, *BY_NAME) if not name.endswith("_")]
    for name in {*BY_NAME, *in_place, *_numpy()}:
        if name[0].islower() and not hasattr(kind, name):
            setattr(kind, name, Missing(name))


@cache
def _numpy() -> set[str]:
    return {name for name in dir(importlib.import_module("numpy")) if not name.startswith("_")}


def table() -> str:
    """The words that are not here and what to write, for a page."""
    return "\n".join(["| instead of | write |", "| --- | --- |", *(f"| `{a}` | `{b}` |" for a, b in INSTEAD.items())])
