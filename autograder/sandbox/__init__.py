"""Where learners' code runs. Theory of operation.

A submission may do anything its process can: the sandbox decides what that is. Nothing that a learner's process says about itself
is believed; it is only ever asked for raw data, and judged elsewhere (``judge``). The processes, from the trusted one down::

    grader            host.py      starts everything, sets deadlines, kills; holds the seed, the references and the keys
      |                            speaks over pipes: one JSON object per line, each way, with a limit on size and time
      bubblewrap                   no network, a read-only system, of the project only what a learner has; PID 1 of its namespace
        zygote        zygote.py    imports PyTorch once, runs no learner's code, cannot be inspected by what it forks
          keeper      zygote.py    one for each submission: makes new namespaces, counts processes, threads and memory of the
            |                      family below it (a resource limit counts for one process only, and not at all for root), and
            |                      kills it when it is over a limit or the grader closes the lifeline
            worker    worker.py    PID 1 of the submission's own namespaces, so that killing it kills all it started: private
                                   folders, a chroot (the kernel lets nobody in one make further namespaces), no capabilities, a
                                   system-call filter (seccomp.py); runs the cells, answers probes with raw data

What each layer is there for: namespaces and bubblewrap keep files, network and other processes out of sight; the keeper bounds
what is shared (memory, processes, threads); resource limits bound what one process takes (CPU time, file size, descriptors); the
filter takes away what no limit counts (System V memory, files in memory, the login's keyring, new sessions). Every number is in
``limits``.

Where the kernel allows no namespaces inside bubblewrap, every submission gets a bubblewrap of its own (kind ``"single"``),
without a keeper; where there is no bubblewrap, a plain process (kind ``"open"``) and a loud warning. Marks are as right in all
three.
"""
