"""A share of a core for each thread of a process: how a small machine shows what a larger one would do.

With few cores the load generator takes what a second worker of the relay would need. Held to a share each, the workers are like slow
cores, and the rest is the generator's.
"""

import os

# The version of control groups that shares out processor time, thread by thread.
CONTROLLER = "/sys/fs/cgroup/cpu"
PERIOD_US = 4000  # Short beside the latency that is measured; the kernel's least quota is 1 ms.


class ThreadShare:
    """`share` of a core, for each thread that a process has when `apply` is called. Needs root, and the controller of cgroup v1."""

    def __init__(self, share):
        self._quota_us = round(share * PERIOD_US)
        self._groups = []

    @staticmethod
    def problem():
        """Why it can't be had here; None if it can."""
        if not os.path.exists(os.path.join(CONTROLLER, "cpu.cfs_quota_us")):
            return f"{CONTROLLER} is no cpu controller of cgroup v1"
        return None if os.access(os.path.join(CONTROLLER, "tasks"), os.W_OK) else f"{CONTROLLER} is not ours to write"

    def apply(self, pid):
        for thread in os.listdir(f"/proc/{pid}/task"):
            group = os.path.join(CONTROLLER, f"moq-bench-{thread}")
            os.makedirs(group, exist_ok=True)
            self._groups.append(group)
            for name, value in (("cpu.cfs_period_us", PERIOD_US), ("cpu.cfs_quota_us", self._quota_us), ("tasks", thread)):
                with open(os.path.join(group, name), "w") as file:
                    file.write(str(value))

    def close(self):
        """Once the process has ended."""
        while self._groups:
            os.rmdir(self._groups.pop())
