"""Coefficients of the elementary functions, lowest power first. Written by scripts/make_polynomials.py."""

from __future__ import annotations

EXP_FLOAT32 = (
    float.fromhex("0x1.0000000000000p-1"),
    float.fromhex("0x1.555555679ac57p-3"),
    float.fromhex("0x1.5555555ca3b5bp-5"),
    float.fromhex("0x1.1110c56c73b53p-7"),
    float.fromhex("0x1.6c1684ed00949p-10"),
    float.fromhex("0x1.a1531539c7f8ap-13"),
    float.fromhex("0x1.a114690a4d0eep-16"),
)
"""exp(r) = 1 + r + r**2 * EXP(r); within 3e-11."""

EXP_FLOAT64 = (
    float.fromhex("0x1.0000000000000p-1"),
    float.fromhex("0x1.5555555555557p-3"),
    float.fromhex("0x1.5555555555556p-5"),
    float.fromhex("0x1.1111111110085p-7"),
    float.fromhex("0x1.6c16c16c162a3p-10"),
    float.fromhex("0x1.a01a01ac16f76p-13"),
    float.fromhex("0x1.a01a01a6f35fbp-16"),
    float.fromhex("0x1.71de019d031e7p-19"),
    float.fromhex("0x1.27e4db0f8a3efp-22"),
    float.fromhex("0x1.af4f1ddf981a8p-26"),
    float.fromhex("0x1.1f73b376c0f55p-29"),
)
"""exp(r) = 1 + r + r**2 * EXP(r); within 2e-18."""

LOG_FLOAT32 = (
    float.fromhex("0x1.5555555564fdap-1"),
    float.fromhex("0x1.999998ca249fbp-2"),
    float.fromhex("0x1.249324907dae3p-2"),
    float.fromhex("0x1.c67a84e8a4ba0p-3"),
    float.fromhex("0x1.8c92867b49a01p-3"),
)
"""log(1 + f) = 2 s + s z LOG(z), s = f / (2 + f), z = s**2; within 7e-12."""

LOG_FLOAT64 = (
    float.fromhex("0x1.5555555555555p-1"),
    float.fromhex("0x1.9999999999a39p-2"),
    float.fromhex("0x1.2492492476a1ap-2"),
    float.fromhex("0x1.c71c7201a55d7p-3"),
    float.fromhex("0x1.745cf8e4bba1bp-3"),
    float.fromhex("0x1.3b1c3c1c81c8fp-3"),
    float.fromhex("0x1.0fbde0f4ad17bp-3"),
    float.fromhex("0x1.0c0aff044a970p-3"),
)
"""log(1 + f) = 2 s + s z LOG(z), s = f / (2 + f), z = s**2; within 4e-17."""

POWER_FLOAT64 = (
    float.fromhex("0x1.999999999999ap-3"),
    float.fromhex("0x1.2492492492522p-3"),
    float.fromhex("0x1.c71c71c6ea5acp-4"),
    float.fromhex("0x1.745d177ad436ap-4"),
    float.fromhex("0x1.3b1395b82701ep-4"),
    float.fromhex("0x1.1118cd67251c5p-4"),
    float.fromhex("0x1.df7ba1f4809c3p-5"),
    float.fromhex("0x1.e03a7acf07f85p-5"),
)
"""atanh(s) / s = 1 + z/3 + z**2 * POWER(z), z = s**2; within 1e-17."""

SIN_FLOAT32 = (
    float.fromhex("-0x1.5555555436dcbp-3"),
    float.fromhex("0x1.11110d91bab39p-7"),
    float.fromhex("-0x1.a0132bb4d860bp-13"),
    float.fromhex("0x1.6d969e11da736p-19"),
)
"""sin(r) = r + r z SIN(z), z = r**2; within 3e-11."""

SIN_FLOAT64 = (
    float.fromhex("-0x1.5555555555554p-3"),
    float.fromhex("0x1.1111111110a9dp-7"),
    float.fromhex("-0x1.a01a019e43442p-13"),
    float.fromhex("0x1.71de374494dfep-19"),
    float.fromhex("-0x1.ae5fb72fd005ap-26"),
    float.fromhex("0x1.5ded7634bacb2p-33"),
)
"""sin(r) = r + r z SIN(z), z = r**2; within 4e-17."""

COS_FLOAT32 = (
    float.fromhex("0x1.55555554f5bb2p-5"),
    float.fromhex("-0x1.6c16bf16820f2p-10"),
    float.fromhex("0x1.a01571c813379p-16"),
    float.fromhex("-0x1.2509fcb537df8p-22"),
)
"""cos(r) = 1 - z/2 + z**2 * COS(z), z = r**2; within 3e-12."""

COS_FLOAT64 = (
    float.fromhex("0x1.5555555555555p-5"),
    float.fromhex("-0x1.6c16c16c168dcp-10"),
    float.fromhex("0x1.a01a019f2e74fp-16"),
    float.fromhex("-0x1.27e4f9eed5802p-22"),
    float.fromhex("0x1.1eeb3ef5846aap-29"),
    float.fromhex("-0x1.905ff8538dfd9p-37"),
)
"""cos(r) = 1 - z/2 + z**2 * COS(z), z = r**2; within 2e-18."""

LN2 = (
    float.fromhex("0x1.62e42fefa39efp-1"),
    float.fromhex("0x1.abc9e3b39803fp-56"),
    float.fromhex("0x1.7b57a079a1934p-111"),
)
"""Its sum is exact to 160 bits, each part the rest rounded."""

HALF_PI = (
    float.fromhex("0x1.921fb54442d18p+0"),
    float.fromhex("0x1.1a62633145c07p-54"),
    float.fromhex("-0x1.f1976b7ed8fbcp-110"),
)
"""Its sum is exact to 160 bits, each part the rest rounded."""

LOG2_E = (
    float.fromhex("0x1.71547652b82fep+0"),
    float.fromhex("0x1.777d0ffda0d24p-56"),
    float.fromhex("-0x1.60bb8a5442ab9p-110"),
)
"""Its sum is exact to 160 bits, each part the rest rounded."""

TWO_OVER_PI = (
    float.fromhex("0x1.45f306dc9c883p-1"),
    float.fromhex("-0x1.6b01ec5417056p-55"),
    float.fromhex("-0x1.6447e493ad4cep-109"),
)
"""Its sum is exact to 160 bits, each part the rest rounded."""

THIRD = (
    float.fromhex("0x1.5555555555555p-2"),
    float.fromhex("0x1.5555555555555p-56"),
    float.fromhex("0x1.5555555555555p-110"),
)
"""Its sum is exact to 160 bits, each part the rest rounded."""

DIGITS_OF_TWO_OVER_PI = (
    0x0000000000000000,
    0xA2F9836E4E441529,
    0xFC2757D1F534DDC0,
    0xDB6295993C439041,
    0xFE5163ABDEBBC561,
    0xB7246E3A424DD2E0,
    0x06492EEA09D1921C,
    0xFE1DEB1CB129A73E,
    0xE88235F52EBB4484,
    0xE99C7026B45F7E41,
    0x3991D639835339F4,
    0x9C845F8BBDF9283B,
    0x1FF897FFDE05980F,
    0xEF2F118B5A0A6D1F,
    0x6D367ECF27CB09B7,
    0x4F463F669E5FEA2D,
    0x7527BAC7EBE5F17B,
    0x3D0739F78A5292EA,
    0x6BFB5FB11F8D5D08,
    0x56033046FC7B6BAB,
)
"""64 zero bits, then 1,216 binary digits of 2/pi."""
