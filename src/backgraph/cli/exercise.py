"""Exercises on the command line: the page with blanks, answers given as options, or asked for in a terminal.

Exit code 1 if an answer given as an option is wrong.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from backgraph.cli.screen import say, write
from backgraph.show.exercise import Exercise

WRONG = 1


def ask(exercise: Exercise, answers: Sequence[str]) -> int:
    """Judge the answers; without any, show the page and, where somebody types, ask for each blank."""
    if answers:
        verdicts = [exercise.answer(line) for line in answers]
        for verdict in verdicts:
            say(verdict.words)
        return 0 if all(verdict.right for verdict in verdicts) else WRONG
    write(exercise.text())
    if is_typed():
        _asked(exercise)
    return 0


def is_typed() -> bool:
    """Whether answers come from somebody at a terminal."""
    return sys.stdin is not None and sys.stdin.isatty()  # type: ignore[reportUnnecessaryComparison]  # None if closed


def _asked(exercise: Exercise) -> None:
    say()
    say(exercise.say("keys"))
    right = sum(_asked_for(exercise, number) for number in range(len(exercise.derivation.steps)))
    say(exercise.say("score", right=right, all=len(exercise.derivation.steps)))


def _asked_for(exercise: Exercise, number: int) -> bool:
    """Ask for one blank until it is right or given up; whether it was right."""
    while True:
        write(f"{number + 1}. {exercise.say('prompt', name=exercise.answer_names[number])}")
        line = sys.stdin.readline()
        typed = line.strip()
        if not typed:
            return False
        if typed == "!":
            say(exercise.solution(number))
            return False
        if typed == "?":
            say(exercise.hint(number))
            continue
        verdict = exercise.judge(number, _right_side(typed, exercise, number))
        say(verdict.words)
        if verdict.right:
            return True


def _right_side(typed: str, exercise: Exercise, number: int) -> str:
    """What stands behind `NAME =`, if the name was typed too."""
    name, equals, expression = typed.partition("=")
    return expression if equals and exercise.number_of(name) == number else typed
