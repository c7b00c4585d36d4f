"""Who comes first, on a machine that others use."""

import os


class Priority:
    """Of a run's processes: `nice` as of setpriority(2); 0 leaves them as they are."""

    def __init__(self, nice):
        self._nice = nice

    def apply(self, pid):
        """To process `pid`, and to its session, by which the kernel shares the cores out."""
        if self._nice == 0:
            return
        for thread in os.listdir(f"/proc/{pid}/task"):
            os.setpriority(os.PRIO_PROCESS, int(thread), self._nice)
        try:
            with open(f"/proc/{pid}/autogroup", "w") as group:
                group.write(str(self._nice))
        except OSError:
            pass  # A kernel without them.
