"""The sentences of explanations, in Chinese, with the terms of the Chinese edition of the book."""

from __future__ import annotations

from backgraph.show import names_zh

WORDS: dict[str, str] = {
    "comma": "、",
    "and": " 和 ",
    "and_path": "和",
    "and_number": "、",
    "semicolon": "；",
    "stop": "。",
    "forward_title": "前向传播：从输入到代价 {J}",
    "assumptions_title": "假设",
    "backward_title": "反向传播：从代价 {J} 回到 {targets}",
    "gradients_title": "梯度",
    "tiny_title": "小例子",
    "tiny_sizes": "取 {sizes}，输入的数值如下：",
    "tiny_numbers": "输入的数值如下：",
    "tiny_checked": "每个梯度都与只用代价的函数值算出的导数作了比较；后面的误差是相对于各项的大小而言的。",
    "not_computed": "没有要求，因此没有计算：{list}。",
    "checked": "已检验：{error}",
    "checked_by": "用{method}检验：{error}",
    "checked_wrong": "有误：按规则为 {rule}，用{method}为 {numbers}",
    "checked_kinks": "；{n} 个元素在不可导点，那里没有哪个数是导数",
    "method_complex_step": "复步法",
    "method_central_differences": "中心差分",
    "rewrite": "{name}：{equation}",
    "account_title": "计算代价",
    "rewrites_title": "化简所用的规则",
    "conventions_title": "约定",
    "scalar": "标量",
    "forward_kept": "保存到第 {n} 步",
    "forward_not_kept": "不必保存",
    "backward_intro": "下面每一行都是表达式，而不是数值：由 {J} 的计算图得到另一个图，只需一次，对任何取值都成立。反"
    "向传播从 {J} 出发逆着计算图走，按每个操作自己的规则问它应当向各个输入传回什么；得到的回答就是新增的节点，也就是"
    "这里印出的式子。雅可比矩阵从不被构造出来：规则直接给出雅可比矩阵与到达的梯度之积（向量-雅可比积）。",
    "stands_for": "{name} 表示 {gradient}，即到达 {V} 的梯度。",
    "shape_of": "{list} 的形状",
    "shaped": "{x}（{shape}）",
    "repeat_along": "{x}沿 {axes} 重复",
    "repeat_several_along": "{x}沿 {axes} 重复",
    "repeat_to": "{x} 若小于 {shape}，则重复到这个形状",
    "repeat_several_to": "{x} 若小于 {shape}，则重复到这个形状",
    "repeat_filled": "{x} 表示元素全为此数的数组（{shape}）",
    "let": "其中 {name} = {formula}。",
    "gap": "",
    "nothing": "没有梯度到达：每条路径上都有一个操作，凡可导处皆为常数。",
    "straight": "它直接来自 {J}",
    "one_path": "它经过 {origin} 传来",
    "by_way_of": "，途经 {ops}",
    "paths": "有 {count} 条路径到达 {V}：{list}；所有路径的贡献相加。",
    "path_through": "经过 {origin}（{formula}）",
    "path_decay": "经过权重衰减项（{formula}）",
    "path_straight": "直接来自 {J}（{formula}）",
    "rule_of": "{op} 的规则：由 {before} 得 {after}。",
    "rule_of_input": "{op} 对其{which}输入的规则：由 {before} 得 {after}。",
    "for_path": "{formula}",
    "then": "。",
    "then_for_path": "：",
    "first": "第一个",
    "second": "第二个",
    "third": "第三个",
    "nth": "第 {n} 个",
    "shapes": "为什么是这个次序：{a} 乘 {b} 得 {c}，正是 {V} 的形状",
    "shapes_not": "；{other} 的形状不相容",
    "index": "逐元素写出：{formula}。",
    "transposition": "为什么要转置：{formula}。矩阵乘积中被求和的下标（这里是 {i}）必须在内侧，所以要把 {A} 转置。",
    "result_only": "这条规则只用到结果 {z}，不必保存 {x}。",
    "until": "{value}（要保存到第 {step} 步）",
    "freed": "此步之后可以释放 {list}。",
    "keeps": "它需要前向传播时保存的 {list}。",
    "reads": "它要读取 {list}。",
    "keeps_and_reads": "它需要前向传播时保存的 {keeps}，并读取 {reads}。",
    "goes_to": "它接着用于 {list}。",
    "ends": "这就是所求的梯度。",
    "role_cross_entropy_0": "非归一化对数概率",
    "role_softmax_0": "非归一化对数概率",
    "note_cross_entropy_0": "非归一化对数概率 {x} 可以是任意实数，每行对应一个样本；softmax({x})，即取指数再除以该行"
    "之和，就是它们所表示的概率。一行的损失是 log Σ exp(u) − Σ t u：前一部分的导数是 softmax(u)，后一部分的导数是 "
    "t，剩下的就是概率减去真实标签。",
    "note_softmax_0": "softmax({x})：对任意实数 {x} 取指数，再除以该行之和，就得到概率；所以 {x} 称为非归一化对数概"
    "率。",
    "note_log_softmax_0": "log_softmax({x})：任意实数 {x} 减去该行指数之和的对数，就得到概率的对数；所以 {x} 称为非归"
    "一化对数概率。",
    "note_relu_0": "在 {x} < 0 处前向传播总是给出 0，微小的变化不起作用，所以那里的梯度置为 0；恰为 0 时，0 到 1 之"
    "间的数都可以取，这里取 0。",
    "note_relu_0_result": "由 {z} > 0 就知道是哪些位置，不必保存 {x}。",
    "note_square_0": "w² 的导数是 2 w，因子 2 就由此而来。",
    "note_matmul_1": "{slope} 有四个下标；它从不被构造出来。它与 {z} 的梯度之积就是这里的两个矩阵之积，这个乘积对 "
    "{z} 的各行求和：每一行都用同一个 {x}，所以各行的贡献要相加。",
    "note_matmul_1_examples": "{slope} 有四个下标（单个样本时为三个）；它从不被构造出来。它与 {z} 的梯度之积就是这里"
    "的两个矩阵之积，这个乘积同时对各行求和：每个样本用的是同一个 {x}，所以各样本的贡献要相加。",
    "passed": "途中：{rule}",
    "account_one_element": "反向走一遍，就得到 {J} 对 {targets} 的导数。",
    "note_broadcast_0": "前向传播时被复制的，反向传播时要加起来。",
    "note_sum_0": "求和的每一项都原样得到和的梯度。",
    "convention_gradient": "{gradient} 与 {V} 形状相同，其元素是 {J} 对 {V} 各元素的偏导数。",
    "convention_paths": "几条路径的贡献要相加：{V} 的微小变化沿每条路径都会改变 {J}，而微小的变化是相加的。",
    "convention_mean": "代价是小批量中 {m} 个样本的平均值：每个样本的权重是 1/{m}，在梯度中也一样。",
    "convention_layers": "字母右上角括号中的数字（如 {W}）是名称的一部分，不是幂；在分层的网络中就是层的编号。",
    "convention_repeats": "逐元素运算遇到形状不同的数组时，较小的数组沿它所缺少的（或大小为 1 的）轴重复（广播）；沿"
    "哪些轴，在式子旁说明。标量与任何数组都相容。",
    "convention_open": "未定的形状按 NumPy 的规则相容：从最后一轴对齐，较小者重复。",
    "convention_stacked": "多于两轴的数组相乘，是最后两轴上的矩阵相乘，对其余各轴的每个下标各乘一次；为此加入或"
    "去掉的大小为 1 的轴不写出。",
    "convention_axes": "{example} 之类的下标以大小指明被归约的轴；其余的轴保留。Σ 的范围到后面的乘积为止，"
    "不含下一个 + 或 −。",
    "convention_numbered_axes": "{example} 之类的下标是被归约的轴的序号，从 0 数起，用于仅凭大小分不清轴的情形；其余的"
    "轴保留。",
    "convention_sum_to": "{example} 把 {V} 同一元素的各份复制所得的相加，即沿 {V} 重复过的轴求和；沿其余的轴不相加。",
    "convention_powers": "数组的幂是逐元素的。",
    "convention_hadamard": "⊙ 表示逐元素相乘。",
    "convention_iverson": "[条件] 在条件成立处为 1，其余为 0。",
    "convention_rows": "逐行（即对每个样本单独）计算的有：{ops}。",
    "convention_last_axis": "逐行（即沿最后一轴）计算的有：{ops}。",
    "convention_sums": "不带下标的 Σ 把后面的全部元素相加；每个 Σ 各有自己的下标。",
    "convention_decay": "这里的 {c} 等于 scikit-learn 中 MLP 的 α/(2m)，也等于 PyTorch 中 SGD 的 weight_decay/2；用 "
    "Adam 时，梯度中的 2{c} W 不同于 AdamW 的权重衰减。",
    "convention_ties": "在不可导点和相等处，{op}：{ties}。",
    "account_work": "乘积中的乘加次数：前向 {forward}，求梯度 {backward}。",
    "account_one": "也就是说，{m} 个样本中的每一个：前向 {forward} 次，求梯度 {backward} 次。",
    "account_linear": "也就是说，对 {m} 个样本中的每一个，前向传播时 w = {forward} 个权重各做一次乘加，求梯度要 "
    "{backward} 次：每个权重矩阵一个乘积，与它相乘的值若也需要梯度则再加一个乘积。合计每个权重至多三次，所以是 "
    "O(w)。",
    "account_kept": "前向传播时保存的值：{list}。",
    "account_until": "{value}（{shape}）供第 {steps} 步使用",
    "account_until_several": "{value}（{shape}）供第 {steps} 步使用，因此保存到第 {last} 步",
    "account_memory": "合计 O({n}) 个数：与小批量的样本数 {m} 以及为每个样本计算的值的个数成正比，与权重的个数无关。",
    "account_not_kept": "不必保存，因为没有哪一步要读取：{list}。",
    "account_one_sweep": "反向走一遍，就得到一个数 {J} 对 {targets} 的全部 {n} 个元素的导数；若用前向方式，每个元素"
    "都要走一遍。这就是要反向走的原因。",
    "numpy_title": "代价 {J} 及其对 {targets} 的梯度，用 NumPy 写出。",
    "numpy_returns": "返回 {J}，以及它对 {targets} 的梯度（字典）；形状不符时抛出 ValueError。",
    "numpy_forward": "前向传播。",
    "numpy_backward": "反向传播。",
}

TIES: dict[str, str] = {
    "power": "0⁰ = 1；该处对 a 的导数为 NaN，对 b 的导数为 −∞",
    "sqrt": "sqrt'(±0) = ±∞",
    "relu": "relu'(0) = 0",
    "leaky_relu": "0 处的斜率取 s",
    "elu": "0 处的斜率取 s",
    "abs": "0 处的斜率取 0",
    "sign": "sign(0) = 0",
    "maximum": "相等时两边各得一半",
    "minimum": "相等时两边各得一半",
    "clip": "边界处的斜率取 1",
    "max": "所有最大元素平分梯度",
    "argmax": "取最大元素中的第一个",
    "huber": "在 |e| = δ 处两个分支相等",
}
"""What the cards say of kinks and ties, in Chinese, by card."""

ASSUMED: dict[str, str] = {
    "labels": "{name} 是{held}（{shape}）",
    "matrix": "{name} 是 {shape} 矩阵（大写字母）",
    "vector": "{name} 是 {shape} 维向量（小写字母）",
    "alike": "{name} 的形状取作 {shape}",
    "cost": "{name} 与代价一样是标量",
    "open": "{name} 的形状未定",
    "fits": "{name} 的形状与 {shape} 相容",
}
"""What was taken for granted of a name in the text, by kind (`language.parse`)."""

HELD: dict[str, str] = {"integer labels": "整数类别标签", "integers": "整数"}
"""What a name holds that is no array of real numbers."""

OPERATIONS, RULES = names_zh.OPERATIONS, names_zh.RULES
"""What operations and rules are called."""

SHAPE_OF = r"\1 的形状"
"""The shape of a name whose shape is open."""
