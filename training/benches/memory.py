"""Memory of a fit against the number of songs: a CSV of samples and a picture.

    python training/benches/memory.py --store work/store --kind rendered \
        -o training/results/memory --songs 10 100 1000

Where the store has fewer songs than that, short ones of six stems of oscillators and noise make up
the number (`--made` says where they are kept).

For each number of songs a child process runs the real `fit` (the loop of `soloist-train fit`, with
its allocator settings) on that many clips of the store, while this process samples the child's
/proc/PID/smaps_rollup: anonymous memory is what the process holds for itself, and the system can
take it back only by killing it; file-backed memory is libraries and whatever else is mapped, which
the system can drop at will (shared pages count in part). The page cache of files that are read, not
mapped, is no process's memory. The child counts the clips that it has read crops of. Linux only.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

EVERY_S = 2.0
FIELDS = ("Rss", "Pss", "Pss_Anon", "Pss_File")
MIB = 1024.0
CONFIG = """
[model]
base = 16
levels = 3
widest = 64
[mix]
real_song = 0.3
real_remix = 0.3
rendered_song = 0.2
any_remix = 0.5
[mix.weights]
mdb = 1
free = 1
solo = 1
rendered = 1
[mix.song_weights]
mdb = 1
free = 1
[fit]
iterations = {iterations}
batch = 8
frames = 64
warmup = 2
threads = 4
save_every = 100
validate_every = 1000000
"""


def make_song(folder: Path) -> None:
    """A song of 3 s by the number that its folder is called, written as `prepare` does."""
    import numpy as np

    from soloist_train.bands import SAMPLE_RATE, SOURCES
    from soloist_train.store_writer import ClipWriter

    if (folder / "clip.json").is_file():
        return
    rng = np.random.default_rng(int(folder.name.split("-")[-1]))
    t = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE
    stems = {}
    for i, source in enumerate(SOURCES):
        hz = 55.0 * 2 ** (i * 0.8 + rng.random())
        notes = rng.integers(0, 12, 12)[(t * 4).astype(int)]
        wave = np.sin(2 * np.pi * np.cumsum(hz * 2 ** (notes / 12)) / SAMPLE_RATE)
        wave = np.tanh(rng.uniform(1, 6) * wave) * (1 - t * 4 % 1)
        if source == "drums":
            wave = rng.normal(size=len(t)) * np.exp(-(t * 4 % 1) * rng.uniform(5, 20))
        pan = rng.uniform(0.3, 0.7)
        stems[source] = (0.1 * np.stack([wave * pan, wave * (1 - pan)])).astype(np.float32)
    writer = ClipWriter(folder, 1e-4)
    writer.add(stems)
    writer.close(folder.name, "rendered", split=True, complete=True)


def child(store: Path, out: Path, iterations: int) -> None:
    """Fit, and write how many clips were read to touched.json as the fit goes on."""
    from soloist_train.fit import fit
    from soloist_train.store import Stem, StoredStem

    touched: set[Path] = set()
    lock = threading.Lock()  # workers are threads
    read = StoredStem.crop

    def crop(stem: StoredStem, start: int, frames: int) -> Stem:
        with lock:
            if stem.folder not in touched:
                touched.add(stem.folder)
                (out / "touched.new").write_text(json.dumps(len(touched)))
                (out / "touched.new").replace(out / "touched.json")
        return read(stem, start, frames)

    StoredStem.crop = crop  # type: ignore[method-assign]
    config = out / "config.toml"
    config.write_text(CONFIG.format(iterations=iterations))
    fit(config, store, out / "run", resume=False)


def sample(pid: int) -> dict[str, float]:
    """Memory of a process in MiB by kind; empty once it has ended."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return {}
    rows = (line.split(":") for line in text.splitlines() if ":" in line)
    return {k: float(v.split()[0]) / MIB for k, v in rows if k in FIELDS}


def run(clips: list[Path], iterations: int) -> list[dict[str, float]]:
    """Samples of a fit over `clips`."""
    with TemporaryDirectory() as folder:
        store, out = Path(folder) / "store", Path(folder) / "out"
        store.mkdir()
        out.mkdir()
        for clip in clips:
            (store / clip.name).symlink_to(clip.resolve())
        allocator = {
            "MALLOC_MMAP_THRESHOLD_": str(8 << 30), "MALLOC_TRIM_THRESHOLD_": str(16 << 30),
            "MALLOC_TOP_PAD_": str(256 << 20), "OMP_WAIT_POLICY": "PASSIVE",
        }  # fmt: skip
        arguments = [sys.executable, __file__, "--child", str(store), str(out), str(iterations)]
        process = subprocess.Popen(arguments, env={**os.environ, **allocator})
        started, samples = time.monotonic(), []
        while process.poll() is None:
            found = sample(process.pid)
            path = out / "touched.json"
            if found:
                touched = float(path.read_text() or 0) if path.is_file() else 0.0
                samples.append(
                    {"songs": len(clips), "seconds": round(time.monotonic() - started, 1)}
                    | {k: round(v, 1) for k, v in found.items()}
                    | {"touched": touched}
                )
            time.sleep(EVERY_S)
        if process.returncode:
            raise SystemExit(f"the fit over {len(clips)} songs ended with {process.returncode}")
    return samples


def picture(samples: list[dict[str, float]], stored_gib: dict[int, float], path: Path) -> None:
    """Memory over time at the largest number of songs, and peaks against the number of songs."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    counts = sorted({int(s["songs"]) for s in samples})
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4))
    longest = [s for s in samples if s["songs"] == counts[-1]]
    seconds = [s["seconds"] for s in longest]
    left.plot(seconds, [s["Rss"] for s in longest], label="all memory (RSS)", color="#4477aa")
    left.plot(seconds, [s["Pss_Anon"] for s in longest], label="anonymous", color="#ee6677")
    files = [s["Rss"] - s["Pss_Anon"] for s in longest]
    left.plot(seconds, files, label="file-backed: libraries", color="#228833")
    left.set(xlabel="seconds", ylabel="MiB", title=f"A fit over {counts[-1]} clips", ylim=(0, None))
    touched = left.twinx()
    touched.plot(seconds, [s["touched"] for s in longest], ":", color="#777777")
    touched.set(ylabel="clips read so far (dotted)", ylim=(0, counts[-1] * 1.05))
    left.legend(loc="lower right")
    for field, label, colour in [("Rss", "all memory (RSS)", "#4477aa"),
                                 ("Pss_Anon", "anonymous", "#ee6677")]:  # fmt: skip
        peaks = [max(s[field] for s in samples if s["songs"] == n) for n in counts]
        right.plot(counts, peaks, "o-", label=label, color=colour)
    right.plot(counts, [stored_gib[n] * 1024 for n in counts], "s--", color="#777777",
               label="the clips on disk")  # fmt: skip
    right.set(xlabel="clips", ylabel="MiB", title="Peak memory", xscale="log", yscale="log")
    right.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=80)


def main() -> None:
    """Run the benchmark."""
    if sys.argv[1:2] == ["--child"]:
        child(Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, nargs="+", required=True)
    parser.add_argument("-o", "--output", type=Path, required=True, help="without its suffix")
    parser.add_argument("--songs", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--made", type=Path, default=Path("work/made"), help="songs made here")
    parser.add_argument("--kind", default="rendered", help="kind of clips; `all` for every kind")
    parser.add_argument("--iterations", type=int, default=180,
                        help="of the most songs; fewer songs are all read in fewer")  # fmt: skip
    a = parser.parse_args()
    clips = [p.parent for store in a.store for p in sorted(store.glob("*/clip.json"))]
    kinds = {c: json.loads((c / "clip.json").read_text())["kind"] for c in clips}
    wanted = set(kinds.values()) - {"validation"} if a.kind == "all" else {a.kind}
    clips = [c for c in clips if kinds[c] in wanted]
    print(f"{len(clips)} clips of kind {a.kind} in the stores")
    made = [a.made / f"made-{i:05}" for i in range(max(a.songs) - len(clips))]
    with ProcessPoolExecutor() as pool:
        list(pool.map(make_song, made, chunksize=8))
    clips += made
    random.Random(0).shuffle(clips)  # every number of songs has its share of both
    samples, stored = [], {}
    for count in a.songs:
        chosen = clips[:count]
        stored[count] = sum(f.stat().st_size for c in chosen for f in c.iterdir()) / 2**30
        found = run(chosen, max(a.iterations * count // max(a.songs), a.iterations // 4))
        samples += found
        peaks = {field: max(s[field] for s in found) for field in ("Rss", "Pss_Anon")}
        print(
            f"{count} songs, {stored[count]:.2f} GiB on disk, {found[-1]['touched']:.0f} of them "
            f"read: peak {peaks['Rss']:.0f} MiB, anonymous {peaks['Pss_Anon']:.0f} MiB"
        )
    a.output.parent.mkdir(parents=True, exist_ok=True)
    with a.output.with_suffix(".csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, samples[0].keys())
        writer.writeheader()
        writer.writerows(samples[:: max(len(samples) // 600, 1)])
    picture(samples, stored, a.output.with_suffix(".png"))


if __name__ == "__main__":
    main()
