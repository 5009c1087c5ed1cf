"""The sentences of `check`, in English and Chinese."""

from __future__ import annotations

from backgraph.show import words_en, words_zh

OPERATIONS = {"en": words_en.OPERATIONS, "zh": words_zh.OPERATIONS}
"""What operations are called, by language."""

WORDS: dict[str, dict[str, str]] = {
    "en": {
        "comma": ", ",
        "rules_title": "Every rule by itself, in the order of the backward pass",
        "sizes": " ({sizes})",
        "gradients_title": "The gradients",
        "input": "input {n}: {x}",
        "place": "{op}, {operand}",
        "status_right": "right",
        "status_wrong": "WRONG",
        "status_at_a_kink": "at a kink",
        "status_not_finite": "NOT FINITE",
        "method_complex_step": "by complex step",
        "method_central_differences": "by central differences",
        "right": "All agree with derivatives computed from values alone (rules: {rules}, gradients: {gradients}); "
        "the largest error is {error} of the size of the terms.",
        "right_exactly": "All agree exactly with derivatives computed from values alone (rules: {rules}, gradients: "
        "{gradients}).",
        "wrong_rule": "The first wrong rule is that of {where}. At {index} it gives {rule}, and the values say "
        "{numbers}. What comes after it in the backward pass may be wrong because of it.",
        "wrong_gradient": "Every rule by itself is right, but {where} is not: at {index} it is {rule}, and the "
        "values say {numbers}.",
        "not_finite": "{where} is not finite at these numbers, so there is no derivative to compare with. Look for a "
        "division by 0, a logarithm or root of 0 or less, or an overflow.",
        "exact": "exact",
        "fault_sign": "Every element has the wrong sign.",
        "fault_factor": "Every element is {factor} times what it should be.",
        "kinks": "{n} elements lie at a kink and are not judged: the slopes at both sides differ, so no number is "
        "the derivative ({places}). Move the inputs a little to check them.",
    },
    "zh": {
        "comma": "；",
        "rules_title": "逐条检验规则，按反向传播的次序",
        "sizes": "（{sizes}）",
        "gradients_title": "梯度",
        "input": "第 {n} 个输入：{x}",
        "place": "{op} 的{operand}",
        "status_right": "正确",
        "status_wrong": "有误",
        "status_at_a_kink": "不可导点",
        "status_not_finite": "非有限值",
        "method_complex_step": "复步法",
        "method_central_differences": "中心差分",
        "right": "{rules} 条规则和 {gradients} 个梯度都与只用函数值算出的导数相符；最大误差是各项大小的 {error}。",
        "right_exactly": "{rules} 条规则和 {gradients} 个梯度都与只用函数值算出的导数完全相符。",
        "wrong_rule": "第一条有误的规则是 {where}。在 {index} 处规则给出 {rule}，而函数值给出 {numbers}。反向传播中"
        "排在它后面的结果可能因此也有误。",
        "wrong_gradient": "每条规则单独看都正确，但 {where} 有误：在 {index} 处为 {rule}，而函数值给出 {numbers}。",
        "not_finite": "在这些数值处 {where} 不是有限值，没有导数可供比较。请检查是否除以 0、对非正数取对数或开方，或"
        "者溢出。",
        "exact": "完全相符",
        "fault_sign": "每个元素的符号都反了。",
        "fault_factor": "每个元素都是应有值的 {factor} 倍。",
        "kinks": "{n} 个元素在不可导点，不作判断：两侧的斜率不同，那里没有哪个数是导数（{places}）。把输入稍微移动一"
        "点再检验。",
    },
}
"""By language, then by key."""
