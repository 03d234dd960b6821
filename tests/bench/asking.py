"""Contenders that ask an authentication server of their own (auth.cpp) about every request; what it costs is part of what they cost."""

from __future__ import annotations

from contenders import Contender, Workplace, Wrapper, start_and_hear_port, token_name


class Asking(Contender):
    def __init__(self, place: Workplace) -> None:
        super().__init__(place)
        self.subjects = place.folder / "subjects.txt"
        lines = (f"{secret} tok_{number:016}|{token_name(number)}|orders.read\n" for number, secret in enumerate(place.tokens))
        self.subjects.write_text("".join(lines))
        self.auth_port = 0

    def start_helper(self, wrapper: Wrapper) -> None:
        command = [*wrapper("helper"), str(self.place.tools / "auth"), str(self.subjects)]
        self.helper, self.auth_port = start_and_hear_port(command, self.log)
        self.write_config()

    def write_config(self) -> None:
        raise NotImplementedError
