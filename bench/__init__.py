"""What `make bench` measures: ratios of two things taken in turn in one run, against targets (docs/performance.md).

It makes databases of its own, seeds them, starts the desk's processes as production starts them, prints a table and
writes `var/bench.json`. BENCH_TICKETS sets the size (default 1,000,000).
"""
