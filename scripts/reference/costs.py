"""Costs of the gallery: what people write, as text. Nothing in the package knows them."""

from __future__ import annotations

from typing import NamedTuple


class Cost(NamedTuple):
    """A cost with titles and a remark in English and Chinese; `wrt` and `shapes` as on the command line."""

    name: str
    title: str
    title_zh: str
    text: str
    wrt: str
    remark: str
    remark_zh: str
    shapes: str = ""


COSTS: tuple[Cost, ...] = (
    Cost(
        "two_layers", "The book's example", "书中的例子",
        "cross_entropy(relu(X@W1)@W2, y) + lam*(sum(W1**2) + sum(W2**2))", "W1,W2",
        "Section 6.5.7: two paths reach each weight, one through the network and one through its decay.",
        "6.5.7 节：每个权重有两条路径，一条经过网络，一条经过权重衰减。",
    ),
    Cost(
        "deep_net", "A deep net with biases", "带偏置的深层网络",
        "cross_entropy(relu(relu(relu(X@W1 + b1)@W2 + b2)@W3 + b3)@W4 + b4, y)", "W1,b1,W2,b2,W3,b3,W4,b4",
        "The pattern of one layer repeats; a bias was copied to every row, so its gradient is a sum over rows.",
        "同一层的模式不断重复；偏置被复制到每一行，所以它的梯度是对各行求和。",
        "b1:h, b2:h2, b3:h3, b4:k",
    ),
    Cost(
        "weight_tying", "Weight tying", "权重绑定",
        "mean((tanh(X@W)@W.T - X)**2)", "W",
        "An autoencoder that uses W twice: both uses contribute, one of them transposed.",
        "自编码器两次使用 W：两处都有贡献，其中一处要转置。",
    ),
    Cost(
        "residual", "A residual block", "残差块",
        "H = X + relu(X@V)@W; sum((H - Y)**2)/2", "X,V,W",
        "The gradient of X comes through the block and past it.",
        "X 的梯度既经过残差块，也从旁路直接传来。",
    ),
    Cost(
        "softmax_with_temperature", "Softmax with temperature", "带温度的 softmax",
        "nll(softmax(U/tau), y)", "U,tau",
        "The logarithm in nll and the exponential in softmax cancel; the temperature scales every logit.",
        "nll 中的对数与 softmax 中的指数抵消；温度缩放每个 logit。",
        "tau:",
    ),
    Cost(
        "gated_linear_unit", "Gated linear unit", "门控线性单元（GLU）",
        "mean(((X@V)*sigmoid(X@W) - Y)**2)", "V,W",
        "A product of two branches: each receives the other as a factor.",
        "两个分支之积：每个分支得到另一个分支作为因子。",
    ),
    Cost(
        "layer_norm", "Layer normalisation", "层归一化",
        "c = x - mean(x, axis=-1, keepdims=True); s = sqrt(mean(c**2, axis=-1, keepdims=True) + 1e-5); sum(g*c/s*t)",
        "x,g",
        "Three paths reach x: directly, through the mean and through the deviation.",
        "到达 x 的有三条路径：直接的、经过均值的和经过标准差的。",
        "x:m h, t:m h, g:h",
    ),
    Cost(
        "attention", "Attention", "注意力",
        "A = softmax(Q@K.T/sqrt(d)); sum((A@V - Y)**2)/2", "Q,K,V",
        "Scaled dot-product attention; the rows of A sum to one, hence the softmax rule.",
        "缩放点积注意力；A 的每一行之和为一，由此得到 softmax 的规则。",
        "d:, Q:m c, K:n c, V:n e",
    ),
    Cost(
        "bilinear", "A bilinear form", "双线性型",
        "dot(x@A, y)", "x,A,y",
        "Each factor's gradient is the product of the others.",
        "每个因子的梯度是其余因子之积。",
        "x:n, A:n k, y:k",
    ),
    Cost(
        "matrix_factorisation", "Matrix factorisation", "矩阵分解",
        "sum((R - P@Q.T)**2) + lam*(sum(P**2) + sum(Q**2))", "P,Q",
        "The residual E = R − P Qᵀ serves both factors.",
        "残差 R − P Qᵀ 同时用于两个因子。",
        "lam:",
    ),
    Cost(
        "log_sum_exp", "Log-sum-exp of an affine map", "仿射映射的 log-sum-exp",
        "log(sum(exp(A@x + b)))", "x,b",
        "Written naively, rewritten to the stable form: the gradient is Aᵀ softmax(A x + b).",
        "按定义写出，会被改写成稳定的形式：梯度是 Aᵀ softmax(A x + b)。",
        "A:k n, x:n, b:k",
    ),
    Cost(
        "logistic_regression", "Logistic regression", "逻辑回归",
        "binary_cross_entropy(X@w + b, y) + lam*sum(w**2)", "w,b",
        "Probability minus truth again, this time of a sigmoid.",
        "又是概率减去真实标签，这次是 sigmoid。",
        "b:, lam:, y:m",
    ),
    Cost(
        "poisson", "Poisson regression", "泊松回归",
        "poisson_loss(X@w, y)", "w",
        "The rate eᵘ minus the count.",
        "速率 eᵘ 减去计数。",
        "y:m",
    ),
    Cost(
        "huber", "Huber loss", "Huber 损失",
        "huber_loss(X@w, y, 1.5)", "w",
        "Linear beyond 1.5: the gradient is clipped there.",
        "超过 1.5 之后是线性的：那里梯度被截断。",
        "y:m",
    ),
    Cost(
        "quantile", "Quantile regression", "分位数回归",
        "quantile_loss(X@w, y, 0.75)", "w",
        "The gradient knows only which side of the line an example lies on.",
        "梯度只看样本在直线的哪一侧。",
        "y:m",
    ),
    Cost(
        "elastic_net", "L1 and L2: elastic net", "L1 与 L2：弹性网络",
        "mean((X@w - y)**2)/2 + a*sum(abs(w)) + b/2*sum(w**2)", "w",
        "sign(w) pulls towards 0 at the same strength everywhere, w in proportion.",
        "sign(w) 处处以同样的力度拉向 0，w 则按比例。",
        "y:m, a:, b:",
    ),
    Cost(
        "x_to_the_x", "x to the x", "x 的 x 次方",
        "sum(x**x)", "x",
        "Base and exponent both contribute: xˣ + xˣ log x.",
        "底数和指数都有贡献：xˣ + xˣ log x。",
        "x:n",
    ),
    Cost(
        "column_network", "The notes' network of columns", "笔记中的列向量网络",
        "z1 = W1@x + b1; a1 = sigmoid(z1); z2 = W2@a1 + b2; y = softmax(z2); C = -sum(t*log(y))", "W1,b1,W2,b2",
        "One example as a column: gradients of weights are δ aᵀ. `backgraph jacobian` shows its Jacobians.",
        "一个样本作为一列：权重的梯度是 δ aᵀ。`backgraph jacobian` 给出它的雅可比矩阵。",
        "b1:h, b2:k, t:k",
    ),
    Cost(
        "label_smoothing", "Label smoothing", "标签平滑",
        "cross_entropy(relu(X@W1 + b1)@W2, y, label_smoothing=0.1)", "W1,b1,W2",
        "Soft targets: the gradient is still probability minus target.",
        "软目标：梯度仍是概率减去目标。",
        "b1:h",
    ),
    Cost(
        "embeddings", "An embedding table", "嵌入表",
        "cross_entropy(take(E, i)@W, y)", "E,W",
        "Rows looked up twice receive two contributions.",
        "查两次的行得到两份贡献。",
        "E:n d, i:m",
    ),
    Cost(
        "contrastive", "Contrastive loss of two encoders", "两个编码器的对比损失",
        "cross_entropy((X@V)@(Y@W).T/tau, y)", "V,W",
        "Two encoders meet in one matrix of similarities.",
        "两个编码器在一个相似度矩阵中相遇。",
        "X:m d, Y:m e, V:d h, W:e h, tau:",
    ),
    Cost(
        "variational", "The loss of a variational autoencoder's code", "变分自编码器的编码损失",
        "mu = X@M; s = X@S; sum((mu + exp(s)*eps - Y)**2) + sum(mu**2 + exp(2*s) - 1 - 2*s)/2", "M,S",
        "The noise eps is an input: gradients pass through the sample.",
        "噪声 eps 是输入：梯度可以穿过采样。",
        "eps:m h, Y:m h",
    ),
    Cost(
        "radial_basis", "A radial basis function", "径向基函数",
        "exp(-g*sum((x - c)**2))", "x,c,g",
        "x and c get opposite gradients.",
        "x 与 c 的梯度互为相反数。",
        "x:n, c:n, g:",
    ),
    Cost(
        "newton_step", "A quadratic form", "二次型",
        "dot(x, A@x)/2 - dot(b, x)", "x",
        "The gradient is the mean of A and Aᵀ times x, less b.",
        "梯度是 A 与 Aᵀ 的平均乘 x，再减去 b。",
        "A:n n, x:n, b:n",
    ),
    Cost(
        "highway", "A highway layer", "高速公路层",
        "g = sigmoid(X@V); H = g*tanh(X@W) + (1 - g)*X; sum((H - Y)**2)/2", "V,W",
        "The gate mixes a new value with the old one; its gradient is their difference.",
        "门把新值与旧值混合；门的梯度是两者之差。",
    ),
    Cost(
        "two_costs", "Two costs of one net", "同一网络的两个代价",
        "H = relu(X@W1); U = H@W2; J1 = cross_entropy(U, y); R = H@V; J2 = mean((R - X)**2)", "W1",
        "A classifier and a decoder share their first layer; each cost sends a gradient of its own.",
        "分类器与解码器共用第一层；每个代价各传回一份梯度。",
    ),
)  # fmt: skip
