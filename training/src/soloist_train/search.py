"""Hyperparameter search with Optuna: short fits, judged by training songs that are held out."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .batches import hold_out, shuffled_songs
from .errors import TrainingError
from .fit import Fit, FitConfig
from .model import ModelConfig
from .store import Clip
from .tables import from_table

STUDY = "search"


@dataclass(frozen=True)
class SearchConfig:
    """The [search] table: how long a trial is, what judges it and what is varied."""

    iterations: int = 600
    """Of each trial, a whole schedule."""
    checks: int = 4
    """Validations in a trial; at each the pruner may end it."""
    holdout: int = 8
    """Training songs kept aside to judge by."""
    metric: str = "mean"
    """What to maximise: mean, or a source's median SDR in dB."""
    startup: int = 5
    """Trials drawn at random, and never ended early, before the sampler models the space."""
    seed: int = 1
    space: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By `table.key`: low and high (and log, step), or choices."""

    @staticmethod
    def from_dict(values: dict[str, Any]) -> SearchConfig:
        """Build from a configuration table, refusing unknown keys and spaces."""
        config = from_table(SearchConfig, "search", values)
        if min(config.iterations, config.checks, config.holdout) < 1:
            raise TrainingError("[search] needs iterations, checks and holdout of at least 1")
        if not config.space:
            raise TrainingError('[search] needs a space, for example [search.space."fit.rate"]')
        for name, axis in config.space.items():
            is_range = {"low", "high"} <= set(axis) <= {"low", "high", "log", "step"}
            if name.count(".") != 1 or not (is_range or set(axis) == {"choices"}):
                raise TrainingError(
                    f"[search.space] {name} = {axis}: `table.key` with low and high (and log or "
                    "step), or with choices, is needed"
                )
        return config


def _suggest(trial: Any, name: str, axis: dict[str, Any]) -> Any:
    if "choices" in axis:
        return trial.suggest_categorical(name, axis["choices"])
    options = {k: v for k, v in axis.items() if k in ("log", "step")}
    kind = int if isinstance(axis["low"], int) and isinstance(axis["high"], int) else float
    suggest = trial.suggest_int if kind is int else trial.suggest_float
    return suggest(name, axis["low"], axis["high"], **options)


def with_values(raw: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """A configuration with values put in by `table.key`."""
    out = copy.deepcopy(raw)
    for name, value in values.items():
        table, key = name.split(".")
        out.setdefault(table, {})[key] = value
    return out


def trial_config(
    raw: dict[str, Any], search: SearchConfig, values: dict[str, Any]
) -> dict[str, Any]:
    """The configuration of one trial: its values, and the trial's own schedule."""
    out = with_values(raw, values)
    out.pop("search", None)
    fit = out.setdefault("fit", {})
    if "stages" in fit:
        raise TrainingError("a search needs a schedule of one stage: leave out [[fit.stages]]")
    every = max(search.iterations // search.checks, 1)
    fit |= {"iterations": search.iterations, "validate_every": every, "holdout": 0}
    fit["warmup"] = min(fit.get("warmup", FitConfig.warmup), search.iterations // 4)
    if "hold" in fit:  # a plateau as long as the trial would leave nothing of the cosine
        fit["hold"] = min(fit["hold"], search.iterations // 2)
    fit["save_every"] = search.iterations
    FitConfig.from_dict(fit)
    ModelConfig.from_dict(out.get("model", {}))
    return out


def search(raw: dict[str, Any], clips: Sequence[Clip], out: Path, trials: int) -> str:
    """Run trials until the study in `out`/search.db has `trials`; gives a table of them.

    A study that was killed goes on: the trial that ran then is run again. No trial sees the
    validation clips, nor the held-out songs but for its score.
    """
    try:
        import optuna
    except ImportError as error:
        raise TrainingError("a search needs the `search` extra of soloist-train") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    config = SearchConfig.from_dict(raw.get("search", {}))
    out.mkdir(parents=True, exist_ok=True)
    songs = shuffled_songs(clips)
    if len(songs) <= config.holdout:
        raise TrainingError(
            f"{len(songs)} whole songs; more than holdout = {config.holdout} needed"
        )
    training, held_out = hold_out(clips, songs[: config.holdout])
    training = [c for c in training if c.kind != "validation"]
    study = optuna.create_study(
        storage=f"sqlite:///{(out / 'search.db').resolve()}", study_name=STUDY,
        load_if_exists=True, direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=config.seed, n_startup_trials=config.startup),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=config.startup, n_warmup_steps=1),
    )  # fmt: skip
    states = optuna.trial.TrialState
    for trial in study.get_trials(deepcopy=False, states=(states.RUNNING,)):
        study.tell(trial.number, state=states.FAIL)
        study.enqueue_trial(trial.params, skip_if_exists=False)

    def objective(trial: Any) -> float:
        values = {name: _suggest(trial, name, axis) for name, axis in config.space.items()}
        folder = out / f"trial-{trial.number:03}"
        folder.mkdir(exist_ok=True)
        for stale in folder.glob("*.*"):
            stale.unlink()
        run = Fit(trial_config(raw, config, values), training, folder, held_out=held_out)
        found: list[float] = []

        def report(iteration: int, record: dict[str, Any]) -> None:
            scores = record["holdout_sdr_db"]
            if config.metric not in scores:
                raise TrainingError(f"no {config.metric} among the scores: {', '.join(scores)}")
            found.append(scores[config.metric])
            trial.report(found[-1], iteration)
            if trial.should_prune():
                raise optuna.TrialPruned

        run.after_validation = report
        run.run()
        return found[-1]

    ended = (states.COMPLETE, states.PRUNED)
    while len(study.get_trials(deepcopy=False, states=ended)) < trials:
        study.optimize(objective, n_trials=1)
    return _write(study, config, out)


def _write(study: Any, config: SearchConfig, out: Path) -> str:
    """search.md and best.json of a study; gives the table."""
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
    from optuna.trial import TrialState

    names = list(config.space)
    rows = sorted(
        (t for t in study.trials if t.value is not None or t.intermediate_values),
        key=lambda t: (t.state != TrialState.COMPLETE, -(t.value or -1e9)),
    )
    lines = [
        f"| trial | {' | '.join(names)} | {config.metric} SDR in dB | |",
        "|" + "---|" * (len(names) + 3),
    ]
    for trial in rows:
        values = (f"{v:.4g}" if isinstance(v, float) else str(v) for v in
                  (trial.params.get(name, "") for name in names))  # fmt: skip
        score = trial.value
        if trial.state == TrialState.PRUNED:
            score = list(trial.intermediate_values.values())[-1]
        note = "" if trial.state == TrialState.COMPLETE else trial.state.name.lower()
        lines.append(f"| {trial.number} | {' | '.join(values)} | {score:.2f} | {note} |")
    complete = [t for t in rows if t.state == TrialState.COMPLETE]
    if len(complete) > 3 and len({t.value for t in complete}) > 1:
        # Named, since Optuna's default differs by version, and this one needs no other package.
        weights = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
        parts = ", ".join(f"{name} {share:.0%}" for name, share in weights.items())
        lines += ["", f"What sets the best trials apart (PED-ANOVA): {parts}."]
    best = {"value_db": study.best_value, "trial": study.best_trial.number, **study.best_params}
    (out / "best.json").write_text(json.dumps(best, indent=1) + "\n")
    text = "\n".join(lines)
    (out / "search.md").write_text(text + "\n")
    return text
