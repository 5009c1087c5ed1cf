"""The words on plots, in English and Chinese."""

from __future__ import annotations

from backgraph.errors import UsageError

LANGUAGES: dict[str, dict[str, str]] = {
    "en": {
        "loss_title": "Loss by epoch",
        "loss_description": "Losses over {n} epochs; last {last}",
        "epoch": "epoch",
        "loss": "loss",
        "boundary_title": "Decision boundary",
        "boundary_description": "{n} examples over the classes a model predicts; {counts}",
        "weights_title": "Weights of each unit as an image",
        "weights_description": "{n} images of {h}×{w} weights, from −{largest} to {largest}",
        "unit": "unit {n}",
        "confusion_title": "Confusion matrix",
        "confusion_description": "{right} of {total} right ({share})",
        "predicted": "predicted",
        "truth": "truth",
        "residual_title": "Residuals",
        "residual_description": "{n} examples; root mean squared error {rmse}",
        "prediction": "prediction",
        "residual": "truth − prediction",
    },
    "zh": {
        "loss_title": "各轮的损失",
        "loss_description": "{n} 轮的损失；最后为 {last}",
        "epoch": "轮",
        "loss": "损失",
        "boundary_title": "决策边界",
        "boundary_description": "{n} 个样本，底色为模型预测的类别；{counts}",
        "weights_title": "各单元的权重图像",
        "weights_description": "{n} 幅 {h}×{w} 的权重图像，取值从 −{largest} 到 {largest}",
        "unit": "单元 {n}",
        "confusion_title": "混淆矩阵",
        "confusion_description": "{total} 个中有 {right} 个正确（{share}）",
        "predicted": "预测",
        "truth": "真实",
        "residual_title": "残差",
        "residual_description": "{n} 个样本；均方根误差 {rmse}",
        "prediction": "预测值",
        "residual": "真实值 − 预测值",
    },
}


def words_of(lang: str) -> dict[str, str]:
    """The words of a language. Raises UsageError BG601."""
    if lang not in LANGUAGES:
        raise UsageError("BG601", "plots", "unknown lang", got=lang, expected=", ".join(LANGUAGES))
    return LANGUAGES[lang]
