"""Run by torchrun in test_distributed.py: a fit of which every process keeps its weights."""

import sys
from pathlib import Path

import torch

from soloist_train.distributed import Ranks
from soloist_train.fit import Fit, read_config
from soloist_train.store import read_store

config, store, out = (Path(a) for a in sys.argv[1:])
ranks = Ranks.start("cpu")
run = Fit(read_config(config), read_store(store), out, ranks)
losses: list[float] = []
step = run.step
run.step = lambda: losses.append(step()) or losses[-1]  # type: ignore[method-assign]
run.run()
torch.save({"model": run.net.state_dict(), "losses": losses}, out / f"rank-{ranks.rank}.pt")
ranks.finish()
