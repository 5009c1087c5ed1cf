"""The words of Jacobians, in English and in Chinese with the terms of the Chinese edition of the book."""

from __future__ import annotations

from backgraph.errors import UsageError

ENGLISH: dict[str, str] = {
    "title": "Jacobians from {cost} down to {targets}",
    "values": "Values, in the order of computation",
    "edges": "The Jacobian on every edge, from {cost} down",
    "scalar": "scalar",
    "colon": ": ",
    "comma": ", ",
    "by_elements": "element by element",
    "sends": "back-propagation sends",
    "where": "where",
    "number": "a number",
    "row": "a row, because {z} is a number",
    "column": "a column, because {x} is a number",
    "like_x": "in the shape of {x}, because {z} is a number",
    "like_z": "in the shape of {z}, because {x} is a number",
    "zero": "zero everywhere",
    "identity": "the identity",
    "diagonal": "diagonal: each element by itself",
    "blocks": "blocks: zero unless {pairs}",
    "full": "full: every element depends on every other",
    "pattern": "{free} of {all} elements can be other than zero",
    "legend": "■ can be other than zero   · is zero always   ○ is zero at these values",
    "legend_plus": "more than 0",
    "legend_minus": "less than 0",
    "legend_zero": "0 at these values",
    "legend_never": "0 always",
    "large": "{n} elements, too many to show here",
    "product": "The product of Jacobians is what back-propagation computes",
    "one_path": "1 path",
    "paths": "{n} paths; the products along all of them are added",
    "difference": "At the tiny example ({sizes}) the products from {cost} down, the products from the targets up, and "
    "back-propagation differ by less than {difference}.",
    "checked": "Each formula above, evaluated, differs from the Jacobian by less than {difference}.",
    "unread": "No closed form was read for {list}; what back-propagation sends says what they do.",
    "work": "What it costs, in multiply-adds",
    "work_forward": "Jacobians, from each target up",
    "work_backward": "Jacobians, from {cost} down",
    "work_rules": "back-propagation",
    "work_note": "Jacobians are counted as written out in full; back-propagation never forms one. It counts products "
    "of arrays, not what is done element by element.",
    "rows": "From one column to a minibatch of rows",
    "rows_one": "One example is the column {a}, and what arrives is the column {delta}; the gradient of {W} is "
    "their product {outer}.",
    "rows_many_columns": "With {m} examples as the rows of {A}, and what arrives at each as the rows of {D}, the "
    "sum of "
    "these products is a single one, {Dt} {A}. With the weight on the right, {U} = {A} {Wt} + …, the gradient by "
    "{Wt} is "
    "its transpose {At} {D}: the Hᵀ G of section 6.5.7.",
    "rows_many_right": "With {m} examples as the rows of {A}, and what arrives at each as the rows of {D}, the sum of "
    "these products is a single one, {At} {D}: the Hᵀ G of section 6.5.7.",
    "rows_four_columns": "There ∂{U}/∂({Wt}) has four axes, {shape}: {n} elements for {m} examples, {free} of them "
    "other "
    "than zero. It is never formed.",
    "rows_four_right": "There ∂{U}/∂{W} has four axes, {shape}: {n} elements for {m} examples, {free} of them other "
    "than "
    "zero. It is never formed.",
    "rows_checked": "Computed in three ways at {m} examples (the columns' products added, {At} {D}, and {D} "
    "contracted "
    "with all {n} elements) the results differ by less than {difference}.",
    "four_axes": "∂{z}/∂{x} has four axes and {n} elements at the tiny example, of which {free} can be other than "
    "zero; "
    "{rule} is the whole of what is needed of it.",
    "numbers": "Numbers at the tiny example",
    "gradient_numbers": "Gradients",
    "column_chain": "computation",
    "column_jacobian": "Jacobian",
    "column_picture": "structure",
    "column_sends": "sent back",
}
CHINESE: dict[str, str] = {
    "title": "从 {cost} 到 {targets} 的雅可比矩阵",
    "values": "各个值，按计算次序",
    "edges": "每条边上的雅可比矩阵，从 {cost} 开始",
    "scalar": "标量",
    "colon": "：",
    "comma": "、",
    "by_elements": "逐元素",
    "sends": "反向传播传回",
    "where": "其中",
    "number": "一个数",
    "row": "行向量，因为 {z} 是一个数",
    "column": "列向量，因为 {x} 是一个数",
    "like_x": "形状与 {x} 相同，因为 {z} 是一个数",
    "like_z": "形状与 {z} 相同，因为 {x} 是一个数",
    "zero": "处处为零",
    "identity": "单位矩阵",
    "diagonal": "对角矩阵：每个元素各自计算",
    "blocks": "分块：除非 {pairs}，否则为零",
    "full": "满矩阵：每个元素依赖所有元素",
    "pattern": "{all} 个元素中有 {free} 个可以不为零",
    "legend": "■ 可以不为零   · 恒为零   ○ 在这组数值下为零",
    "legend_plus": "大于 0",
    "legend_minus": "小于 0",
    "legend_zero": "在这组数值下为 0",
    "legend_never": "恒为 0",
    "large": "{n} 个元素，此处不列出",
    "product": "雅可比矩阵之积就是反向传播所计算的",
    "one_path": "1 条路径",
    "paths": "{n} 条路径；沿各条路径的乘积要相加",
    "difference": "在小例子（{sizes}）上，从 {cost} 往下乘、从目标往上乘与反向传播，三者相差不到 {difference}。",
    "checked": "上面每个公式求值后与雅可比矩阵相差不到 {difference}。",
    "unread": "{list} 没有读出封闭形式；反向传播传回的式子说明了它的作用。",
    "work": "计算代价（乘加次数）",
    "work_forward": "雅可比矩阵，从每个目标往上乘",
    "work_backward": "雅可比矩阵，从 {cost} 往下乘",
    "work_rules": "反向传播",
    "work_note": "雅可比矩阵按完整写出计算；反向传播从不构造雅可比矩阵。这里只数数组的乘积，不数逐元素的运算。",
    "rows": "从一列到小批量的各行",
    "rows_one": "一个样本是列向量 {a}，传到的梯度是列向量 {delta}；{W} 的梯度是两者之积 {outer}。",
    "rows_many_columns": "{m} 个样本作为 {A} 的各行，传到每个样本的梯度作为 {D} 的各行，"
    "则这些乘积之和是一个矩阵乘积 {Dt} {A}。"
    "若权重写在右边，{U} = {A} {Wt} + …，则对 {Wt} 的梯度是它的转置 {At} {D}：这就是 6.5.7 节的 Hᵀ G。",
    "rows_many_right": "{m} 个样本作为 {A} 的各行，传到每个样本的梯度作为 {D} 的各行，则这些乘积之和是一个矩阵乘积 "
    "{At} {D}："
    "这就是 6.5.7 节的 Hᵀ G。",
    "rows_four_columns": "这里 ∂{U}/∂({Wt}) 有四个轴，{shape}：{m} 个样本时共 {n} 个元素，其中 {free} 个不为零。"
    "它从不被构造出来。",
    "rows_four_right": "这里 ∂{U}/∂{W} 有四个轴，{shape}：{m} 个样本时共 {n} 个元素，其中 {free} 个不为零。"
    "它从不被构造出来。",
    "rows_checked": "用 {m} 个样本以三种方式计算（各列的乘积相加、{At} {D}、{D} 与全部 {n} 个元素的缩并），"
    "结果相差不到 "
    "{difference}。",
    "four_axes": "∂{z}/∂{x} 有四个轴，在小例子上有 {n} 个元素，其中 {free} 个可以不为零；所需要的只是 {rule}。",
    "numbers": "小例子中的数值",
    "gradient_numbers": "梯度",
    "column_chain": "计算",
    "column_jacobian": "雅可比矩阵",
    "column_picture": "结构",
    "column_sends": "传回",
}
LANGUAGES = {"en": ENGLISH, "zh": CHINESE}


def words_of(lang: str) -> dict[str, str]:
    """The words of a language. Raises UsageError BG601."""
    if lang not in LANGUAGES:
        raise UsageError("BG601", "jacobian", "unknown lang", got=lang, expected=", ".join(LANGUAGES))
    return LANGUAGES[lang]
