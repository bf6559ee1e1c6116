"""Prints how fast this machine is, to stand beside every time measured on it: 0.7 s on a fast one, 2.1 s on a slow one.

Processor time, at the level of the module, where names are looked up as in a script.
"""

import time

began = time.process_time()
total = 0
for number in range(10_000_000):
    total += number
print(f"this machine: {time.process_time() - began:.2f} s for ten million additions in Python")
