"""Programs that the command engine runs in these tests."""

WAITS_FOR_GO = (
    "import sys, os, time\n"
    "print('begun', flush=True)\n"
    "sys.stdin.read()\n"
    "while not os.path.exists('go'): time.sleep(0.01)\n"
)
FLOODS_AFTER_GO = (
    "import os, time\n"
    "print('first', flush=True)\n"
    "while not os.path.exists('go'): time.sleep(0.01)\n"
    "for n in range(30000): print('line', n)\n"
    "open('printed', 'w').close()\n"
)
HANGS_ONCE = (
    "import os, time\n"
    "print(os.getpid(), flush=True)\n"
    "if not os.path.exists('second'):\n"
    "    open('second', 'w').close()\n"
    "    time.sleep(300)\n"
)
LEAVES_A_DETACHED_CHILD = (
    "import os, sys, time\n"
    "if os.fork() == 0:\n"
    "    os.setsid()\n"
    "    if os.fork() == 0:\n"
    "        open('child', 'w').write(str(os.getpid()))\n"
    "        time.sleep(300)\n"
    "    os._exit(0)\n"
    "while not os.path.exists('child') or not open('child').read(): time.sleep(0.01)\n"
    "print('parent done', flush=True)\n"
)
IGNORES_TERM = (
    "import os, signal, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print(os.getpid(), flush=True)\n"
    "time.sleep(300)\n"
)
