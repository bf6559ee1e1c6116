"""A moving line is for a terminal only."""

import subprocess
import sys


def test_a_log_gets_no_moving_line_and_loads_nothing_for_it() -> None:
    program = (
        "import sys\nfrom terminal.waiting import waiting\n"
        "with waiting('adding up'):\n    print('done')\n"
        "print('rich' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["done", "False"]
    assert done.stderr == ""
