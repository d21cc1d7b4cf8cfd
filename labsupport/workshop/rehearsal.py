"""A class without people: a class Redis of its own, and real processes that join it as learners do."""

from __future__ import annotations

from labsupport.classroom.process import learner
from labsupport.races.processes import Worker, end, team_size, undisturbed
from labsupport.workshop.class_server import ClassServer
from labsupport.workshop.room import learner_names


class Rehearsal:
    """Learners as processes; they end with `close`, and with the process that made them."""

    def __init__(self, learners: int) -> None:
        """Start them, and wait until all have joined. BadArgument: not 1 to 16; NoRedis, LabError."""
        self.server = ClassServer(learner_names(team_size(learners)))
        self._team: list[Worker] = []
        try:
            with undisturbed():
                for url in self.server.urls.values():
                    self._team.append(Worker(learner, url))
            for worker in self._team:
                worker.hear()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the processes and the server: gone on return."""
        end(self._team)
        self.server.close()
